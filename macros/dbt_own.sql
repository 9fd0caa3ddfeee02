{#- What dbt does otherwise: macros of its own that it calls by name. -#}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Folder = layer = schema, whatever the target. -#}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{% macro ref() -%}
    {#-
        Relations without the database name: a view then still works when the published file has
        been renamed, or attached to another DuckDB session under an alias.
    -#}
    {%- set relation = builtins.ref(*varargs, **kwargs) -%}
    {%- do return(relation.include(database=false)) -%}
{%- endmacro %}

{% macro build_config_dict(model) -%}
    {#- What dbt gives to a Python model, and to each of ours dbt.config.get("settings") and dbt.config.get("features"). -#}
{{ dbt.build_config_dict(model) }}
config_dict["settings"] = {{ settings() }}
config_dict["features"] = {{ var('features') }}
{%- endmacro %}

{% macro duckdb__alter_column_comment(relation, column_dict) -%}
    {#- What dbt runs to keep descriptions of columns; in a DuckLake the columns of a view can have none. -#}
    {% if not (relation.is_view and adapter.is_ducklake(relation)) %}
        {{ return(dbt.duckdb__alter_column_comment(relation, column_dict)) }}
    {% endif %}
{%- endmacro %}

{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {#-
        What dbt runs to hold a query to its contract, which asks for the columns of both and compares them in loops. Here one query
        compares them; what differs is told by dbt's own.
    -#}
    {% set stated = [] %}
    {% for column in model.columns.values() if column.data_type and not column.quote %}
        {% do stated.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.name) %}
    {% endfor %}
    {% set is_plain = stated and stated | length == model.columns | length and not config.get('sql_header') %}
    {% set differs = 'select count(*) from (describe (' ~ get_empty_subquery_sql(sql) ~ ')) as given full join (describe (select '
        ~ stated | join(', ') ~ ')) as stated using (column_name) where given.column_type is distinct from stated.column_type' %}
    {% if not is_plain or first_values(differs)[0] %}
        {{ return(assert_columns_equivalent(sql)) }}
    {% endif %}
{%- endmacro %}

{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {#-
        What dbt runs to keep descriptions: one query for all. Under a contract a table has the columns that are described, so that
        none need be looked up.
    -#}
    {% set is_whole = for_relation and for_columns and config.persist_relation_docs() and config.persist_column_docs() %}
    {% if is_whole and model.description and not adapter.is_ducklake(relation) %}
        {% set columns = model.columns %}
        {% if columns and not config.get('contract').enforced %}
            {% set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
            {% set columns = validate_doc_columns(relation, columns, existing) %}
        {% endif %}
        {% set comments = [alter_relation_comment(relation, model.description)] %}
        {% for column in columns.values() %}
            {% do comments.append(
                'comment on column ' ~ relation ~ '.' ~ column.name ~ ' is ' ~ dbt.duckdb_escape_comment(column.description) ~ ';'
            ) %}
        {% endfor %}
        {% do run_query(comments | join) %}
    {% else %}
        {{ return(dbt.default__persist_docs(relation, model, for_relation, for_columns)) }}
    {% endif %}
{%- endmacro %}

{% materialization test, adapter='duckdb' %}
    {#-
        What dbt runs for a test. One that fails is an error with what was found, or for a warning a line. dbt would only count the
        rows ("Got 1 result, configured to fail if != 0"). A test whose rows have a column `sentence` speaks for itself, a sentence a
        row; of another, the first row is shown.
    -#}
    {% if should_store_failures() or config.get('sql_header') %}{{ return(dbt.materialization_test_default()) }}{% endif %}
    {% set main_sql = get_limit_subquery_sql(sql, config.get('limit')) %}
    {% call statement('main', fetch_result=true) -%}
        {{ get_test_sql(main_sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
    {%- endcall %}
    {% set counted = load_result('main').table.rows[0] %}
    {% set fails = counted['should_error'] and config.get('severity') | lower == 'error' %}
    {% if fails or counted['should_warn'] %}
        {% set found = run_query(what_was_found(main_sql)).columns[0].values() | join('\n') %}
        {% if fails %}{% do run_query('select error(' ~ sql_text(found) ~ ')') %}{% endif %}
        {% do log('Warning of ' ~ model.name ~ ': ' ~ found, info=true) %}
    {% endif %}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{% macro what_was_found(main_sql) -%}
    {#- The sentences of a test, or one that shows a row; one a row, at most ten. -#}
    with failing as (
        select cast(to_json(failing_rows) as string) as row_text
        from (
            {{ main_sql }}
        ) as failing_rows
    ),

    said as (
        select
            count(*) as row_count,
            min(json_extract_string(row_text, '$.sentence'), 10) as sentences,
            left(min(row_text), 500) as first_row
        from failing
    )

    select
        case
            when len(sentences) > 0
                then array_to_string(sentences, chr(10))
                    || case when row_count > len(sentences) then chr(10) || '… and ' || (row_count - len(sentences)) || ' more.' else '' end
            else row_count || ' row' || case when row_count = 1 then '' else 's' end || ' that should not be there ('
                || {{ sql_text(model.description or model.original_file_path) }} || '), such as ' || first_row
        end as found
    from said
{%- endmacro %}

{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {#-
        What dbt runs for the rows that a unit test gives of a table; columns that a row does not have are null. dbt writes every
        column of every row by a macro of its own. DuckDB's words: unit tests run there only.
    -#}
    {%- set given = defer_relation if (defer_relation and not load_relation(this)) else this -%}
    {%- if column_name_to_data_types or not load_cached_relation(given) -%}
        {{ return(dbt.get_fixture_sql(rows, column_name_to_data_types)) }}
    {%- endif -%}
    {%- set types, quoted, nulls = {}, {}, [] -%}
    {%- for column in adapter.get_column_schema_from_query('from ' ~ given) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do quoted.update({column.name | lower: column.quoted}) -%}
        {%- do nulls.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.quoted) -%}
    {%- endfor -%}
    {%- set selected = ['(select ' ~ nulls | join(', ') ~ ' limit 0)'] -%}
    {%- for row in rows -%}
        {%- set values = [] -%}
        {%- for name, value in format_row(row, types).items() -%}{%- do values.append(value ~ ' as ' ~ quoted[name]) -%}{%- endfor -%}
        {%- do selected.append('select ' ~ (values or nulls) | join(', ')) -%}
    {%- endfor -%}
    {{ return(selected | join(' union all by name ')) }}
{%- endmacro %}

{% macro format_row(row, column_name_to_data_types) -%}
    {#- What dbt runs for a row of a unit test, given or expected: the expression of each value, by column. -#}
    {% set found = {} %}
    {% for name, value in row.items() %}
        {% if name | lower not in column_name_to_data_types %}
            {{ return(dbt.format_row(row, column_name_to_data_types)) }}
        {% endif %}
        {% set text = 'null' if value is none else "'" ~ value | replace("'", "''") ~ "'" if value is string else value %}
        {% do found.update({name | lower: 'cast(' ~ text ~ ' as ' ~ column_name_to_data_types[name | lower] ~ ')'}) %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}

{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {#- A seed by its path, which may lie in a folder with an apostrophe or with signs of a pattern in its name. -#}
    {% set path = adapter.get_seed_file_path(model) | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') %}
    {% set options = "(format csv, header true, delimiter '" ~ config.get('delimiter', ',') ~ "')" %}
    {% set sql = 'copy ' ~ this.render() ~ ' from ' ~ sql_text(path) ~ ' ' ~ options %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{%- endmacro %}
