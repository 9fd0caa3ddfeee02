{#-
    Reading the nine raw files. One source table = one file `<name>.csv` or `<name>.parquet` in
    OLIST_RAW_DIR. The columns that must be there are those listed in models/staging/_sources.yml.
-#}

{% macro raw_dir() -%}
    {{ return(env_var('OLIST_RAW_DIR', '').rstrip('/') or adapter.config.project_root ~ '/data/sample') }}
{%- endmacro %}

{% macro sql_text(value) -%}
    {{ return("'" ~ (value | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{% macro first_values(query) -%}
    {#- The first column of a query's result, as a list. -#}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}

{% macro raw_file_path(name) -%}
    {#- The file of a raw table, or none. CSV goes before Parquet. -#}
    {% for extension in ['csv', 'parquet'] %}
        {% set path = raw_dir() ~ '/' ~ name ~ '.' ~ extension %}
        {% if first_values('select file from glob(' ~ sql_text(path) ~ ')') %}
            {{ return(path) }}
        {% endif %}
    {% endfor %}
    {{ return(none) }}
{%- endmacro %}

{% macro raw_file_columns(path) -%}
    {#- The column names in a file's header, in file order. -#}
    {% if path.endswith('.parquet') %}
        {{ return(first_values("select name from parquet_schema(" ~ sql_text(path) ~ ") where type is not null")) }}
    {% endif %}
    {% set header = first_values(
        "select line from read_csv(" ~ sql_text(path) ~ ", header = false, auto_detect = false, delim = E'\\x01', quote = '', "
        ~ "escape = '', strict_mode = false, ignore_errors = true, columns = {'line': 'varchar'}) limit 1"
    ) %}
    {% set columns = [] %}
    {% for column in (header[0] if header else '').split(',') %}
        {% do columns.append(column.replace('\ufeff', '').strip().strip('"')) %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}

{% macro raw_table(name) -%}
    {#-
        The table expression that reads one raw file, every column as text, so that a value which
        does not parse reaches staging.rejected_rows instead of stopping the read. A row that the
        CSV reader itself must refuse is kept by keep_csv_rejects().
    -#}
    {% set relation = source('olist', name) %}
    {% if not execute %}{{ return(relation) }}{% endif %}
    {% set path = raw_file_path(name) %}
    {% if path is none and flags.WHICH in ['compile', 'generate'] %}{{ return(relation) }}{% endif %}
    {% if path is none %}{{ raise_missing_file(name) }}{% endif %}
    {% if path.endswith('.parquet') %}
        {{ return("(select columns(*)::varchar from read_parquet(" ~ sql_text(path) ~ "))") }}
    {% endif %}
    {% set types = [] %}
    {% for column in raw_file_columns(path) %}
        {% do types.append(sql_text(column) ~ ": 'varchar'") %}
    {% endfor %}
    {{ return(
        "read_csv(" ~ sql_text(path) ~ ", header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        ~ "store_rejects = true, rejects_table = 'rejects_" ~ name ~ "', rejects_scan = 'scans_" ~ name ~ "', "
        ~ "columns = {" ~ types | join(', ') ~ "})"
    ) }}
{%- endmacro %}

{% macro raise_missing_file(name) -%}
    {{ exceptions.raise_compiler_error(
        "The raw file " ~ name ~ ".csv (or .parquet) is not in " ~ raw_dir() ~ ". Run `make sample` for synthetic data, "
        ~ "`make data` for the real set, or point OLIST_RAW_DIR at the folder that holds the nine files."
    ) }}
{%- endmacro %}

{% macro check_raw_files() -%}
    {#- Before any table is replaced: all nine files are there, with all their columns. -#}
    {% if execute and flags.WHICH in ['run', 'build'] %}
        {% set problems = [] %}
        {% for node in graph.sources.values() if node.source_name == 'olist' %}
            {% set path = raw_file_path(node.name) %}
            {% if path is none %}
                {% do problems.append(node.name ~ ".csv: the file is missing") %}
            {% else %}
                {% set found = raw_file_columns(path) %}
                {% set missing = node.columns.keys() | reject('in', found) | list %}
                {% set unknown = found | reject('in', node.columns.keys() | list) | list %}
                {% if missing %}
                    {% do problems.append(
                        path ~ ": no column " ~ missing | join(', ')
                        ~ ("; new column " ~ unknown | join(', ') if unknown else "")
                        ~ "; its header has " ~ found | join(', ')
                    ) %}
                {% elif unknown %}
                    {% do log(
                        "Schema change: " ~ path ~ " has a new column " ~ unknown | join(', ') ~ ", which is not read. "
                        ~ "To use it, add it to models/staging/_sources.yml and to the table's model in models/staging/base.",
                        info=true
                    ) %}
                {% endif %}
            {% endif %}
        {% endfor %}
        {% if problems %}
            {{ exceptions.raise_compiler_error(
                "The raw data in " ~ raw_dir() ~ " cannot be used; nothing was replaced.\n  - "
                ~ problems | sort | join("\n  - ")
                ~ "\nMend it: `make sample` makes synthetic data, `make data` fetches the real set, "
                ~ "`make verify` checks a folder line by line; OLIST_RAW_DIR says which folder is read."
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro csv_rejects_table() -%}{{ return('staging.csv_rejects') }}{%- endmacro %}

{% macro create_csv_rejects() -%}
    {#- The rows that the CSV reader refused, one row per physical line. Filled by keep_csv_rejects(). -#}
    {% if flags.WHICH in ['run', 'build', 'test'] %}
        create schema if not exists staging;
        create table if not exists {{ csv_rejects_table() }} (
            file_name varchar, record_number bigint, reason varchar, raw_text varchar
        );
    {% endif %}
{%- endmacro %}

{% macro keep_csv_rejects(name) -%}
    {#-
        Post-hook of a base model: what the reader refused, from its temporary tables to
        staging.csv_rejects. A quote that is never closed swallows the lines after it: each of
        them becomes a row of its own, under the number of the record. One that swallows more than the reader keeps of a row
        (10,000 characters) cannot be accounted for, and stops the build.
    -#}
    {% if not execute %}{{ return('') }}{% endif %}
    {% set path = raw_file_path(name) %}
    delete from {{ csv_rejects_table() }} where file_name = {{ sql_text(name) }};
    {% if path is not none and path.endswith('.csv') %}
    insert into {{ csv_rejects_table() }}
    with refused as (
        select
            line,
            any_value(csv_line) as csv_line,
            string_agg(distinct lower(cast(error_type as varchar)), ', ' order by lower(cast(error_type as varchar))) as reason,
        from rejects_{{ name }}
        group by line
    ),

    lines as (
        select
            line,
            reason,
            case
                when length(csv_line) >= 10000
                    then error(
                        {{ sql_text(path) }} || ' record ' || line || ': a quote is opened and not closed, and what follows is '
                        || 'longer than 10,000 characters. Close the quote there (a quote inside a value is written twice).'
                    )
                else string_split(csv_line, chr(10))
            end as parts,
        from refused
    ),

    numbered as (
        select
            line,
            reason,
            parts,
            unnest(range(len(parts))) as position,
        from lines
    )

    select
        {{ sql_text(name) }},
        line,
        'csv: ' || reason,
        rtrim(parts[position + 1], chr(13)),
    from numbered
    where position = 0 or trim(parts[position + 1]) != '';
    {% endif %}
{%- endmacro %}

{% macro is_synthetic() -%}
    {#- Whether OLIST_RAW_DIR was made by the sample generator, which leaves a marker file there. -#}
    {% if not execute %}{{ return(false) }}{% endif %}
    {{ return((first_values('select file from glob(' ~ sql_text(raw_dir() ~ '/_synthetic.json') ~ ')') | length) > 0) }}
{%- endmacro %}
