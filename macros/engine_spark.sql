{#- What Spark says differently: see engine.sql, and the DuckDB versions there. Its raw'…' texts keep their backslashes. -#}

{% macro spark__whole_days(earlier, later) -%}
    {#- timestampdiff(day, …) counts midnights in some versions; a day is whole when the time of day is reached. -#}
    (
        datediff(cast({{ later }} as date), cast({{ earlier }} as date))
        - cast(
            {{ earlier }} - cast(cast({{ earlier }} as date) as timestamp)
            > cast({{ later }} as timestamp) - cast(cast({{ later }} as date) as timestamp) as int
        )
    )
{%- endmacro %}

{% macro spark__month_starts(first_date, last_date) -%}
    explode(sequence(cast({{ first_date }} as date), cast({{ last_date }} as date), interval 1 month))
{%- endmacro %}

{% macro spark__json_object(columns) -%}
    to_json(struct({{ columns | join(', ') }}), map('ignoreNullFields', 'false'))
{%- endmacro %}

{% macro spark__rows_fingerprint(columns) -%}
    count(*) || '-' || sum(cast(xxhash64({{ columns | join(', ') }}) as decimal(38, 0)))
{%- endmacro %}

{% macro spark__days_between(first_day, last_day) -%}
    explode(sequence(cast({{ first_day }} as date), cast({{ last_day }} as date), interval 1 day))
{%- endmacro %}

{% macro spark__months_between(first_day, last_day) -%}
    (
        12 * (year({{ last_day }}) - year({{ first_day }})) + month({{ last_day }}) - month({{ first_day }})
    )
{%- endmacro %}

{% macro spark__days_late(promised_at, received_at) -%}
    datediff(cast({{ received_at }} as date), cast({{ promised_at }} as date))
{%- endmacro %}

{% macro spark__sorted_list(column) -%}
    listagg(distinct {{ column }}, ', ') within group (order by {{ column }})
{%- endmacro %}

{% macro spark__ordered_list(value, separator, order_by) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}

{% macro spark__all_but(columns) -%}
    except ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__rows_of_list(column) -%}
    inline({{ column }})
{%- endmacro %}

{% macro spark__is_finite(number) -%}
    abs({{ number }}) < double('infinity')
{%- endmacro %}

{% macro spark__stop_with(message) -%}
    raise_error({{ message }})
{%- endmacro %}

{% macro spark__last_known(column) -%}
    last({{ column }}, true)
{%- endmacro %}

{% macro spark__with_thousands(number) -%}
    format_number({{ number }}, 0)
{%- endmacro %}

{% macro spark__matches_whole(text, pattern) -%}
    regexp_like({{ text }}, r'^(?:{{ pattern }})\z')
{%- endmacro %}

{% macro spark__has_match(text, pattern) -%}
    regexp_like({{ text }}, r'{{ pattern }}')
{%- endmacro %}

{% macro spark__without_matches(text, pattern) -%}
    regexp_replace({{ text }}, r'{{ pattern }}', '')
{%- endmacro %}

{% macro spark__time_or_null(text) -%}
    {#- Spark by itself takes 2018 and 2018-01 for times, too, and DuckDB does not. -#}
    case
            when {{ spark__matches_whole(text, time_shape() ~ '[ ]*') }} then try_cast(replace({{ text }}, '/', '-') as timestamp_ntz)
        end
{%- endmacro %}

{% macro spark__time_with_offset_or_null(text) -%}
    {#- The session's time zone is UTC. -#}
    case
            when {{ spark__matches_whole(text, time_shape() ~ '[ ]*(?:Z|UTC|[-+][0-9]{1,2}(?::?[0-9]{2})?)?[ ]*') }}
                then cast(try_cast(replace({{ text }}, '/', '-') as timestamp_ltz) as timestamp_ntz)
        end
{%- endmacro %}

{% macro time_shape() -%}
    {{ return('[ ]*[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?:[ T][0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:[.][0-9]{1,9})?)?)?') }}
{%- endmacro %}

{% macro spark__integer_or_null(text) -%}
    try_cast(regexp_replace({{ text }}, '[.]0+$', '') as int)
{%- endmacro %}

{% macro spark__double_or_null(text) -%}
    {#- Java reads 1.5d and 0x1p3, too. -#}
    case
            when {{ spark__matches_whole(text, '[ ]*[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?[ ]*') }} then try_cast({{ text }} as double)
        end
{%- endmacro %}

{% macro spark__sql_text(value) -%}
    {{ return("'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'") }}
{%- endmacro %}

{% macro spark__raw_table_reading(name) -%}
    {{ return(adapter.raw_table_reading(raw_dir(), name)) }}
{%- endmacro %}

{% macro spark__raw_folder_findings(folder) -%}
    {{ return(adapter.raw_folder_findings(folder)) }}
{%- endmacro %}

{% macro spark__settings_problems(given) -%}
    {{ return(adapter.settings_problems(toyaml(given))) }}
{%- endmacro %}

{% macro spark__file_exists(path) -%}
    {{ return(adapter.file_exists(path)) }}
{%- endmacro %}

{% macro spark__csv_rejects() -%}
    {#- Spark's reader keeps such a record in a column of its own. -#}
    {% set branches = [] %}
    {% if execute %}
        {% for name in staged_files() %}
            {% set reading = raw_table_reading(name) %}
            {% if reading.refused %}
                {% do branches.append(
                    "select " ~ sql_text(name) ~ " as file_name, record_number, reason, raw_text from (" ~ reading.refused ~ ") as refused"
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% do branches.append(
        "select cast(null as string) as file_name, cast(null as bigint) as record_number, cast(null as string) as reason, "
        ~ "cast(null as string) as raw_text where false"
    ) %}
    {{ return("(" ~ branches | join(" union all ") ~ ")") }}
{%- endmacro %}

{% macro spark__check_caller() -%}
    {% if execute and flags.WHICH in ['run', 'build', 'seed', 'test', 'retry'] %}
        {% if var('adapter') != 'olist' %}
            {{ exceptions.raise_compiler_error(
                "Somebody's own orders (var adapter: orders) are built by DuckDB only; nothing was built. Use `make build SHOP=shop.yml`."
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro last_build(table) -%}
    {#- A table of the published build as a relation, or none: `make spark` names its folder. -#}
    {% set folder = env_var('SEGMENTATION_LAST_BUILD', '') ~ '/' ~ table.replace('.', '.db/') %}
    {% if env_var('SEGMENTATION_LAST_BUILD', '') and adapter.file_exists(folder) %}
        {{ return('parquet.`' ~ folder.replace('`', '``') ~ '`') }}
    {% endif %}
    {{ return(none) }}
{%- endmacro %}

{% macro spark__create_run_history() -%}
    {% if execute and flags.WHICH in ['run', 'build'] %}
        {% set table = run_history_table() %}
        {% set columns = [] %}
        {% for name, (type, meaning) in run_history_columns().items() %}
            {% do columns.append(name ~ ' ' ~ type.replace('varchar', 'string') ~ ' comment ' ~ sql_text(meaning)) %}
        {% endfor %}
        {% do run_query('create schema if not exists ' ~ table.split('.')[0]) %}
        {% do run_query('create table if not exists ' ~ table ~ ' (' ~ columns | join(', ') ~ ') using parquet') %}
        {% set last = last_build(table) %}
        {% if last %}
            {% do run_query(
                'insert into ' ~ table ~ ' select ' ~ run_history_columns().keys() | join(', ') ~ ' from ' ~ last ~ ' where run_id in (select run_id from ' ~ last
                ~ ' group by run_id order by max(started_at) desc limit ' ~ (setting('engine', 'run_history_runs') - 1) ~ ')'
            ) %}
        {% endif %}
    {% endif %}
{%- endmacro %}

{% macro spark__record_run(results) -%}
    {% if execute and flags.WHICH in ['run', 'build'] and results %}
        {% set now = modules.datetime.datetime.now(modules.pytz.utc) %}
        {% set started = run_started_at.astimezone(modules.pytz.utc).replace(tzinfo=none) %}
        {% set rows = [] %}
        {% for result in results %}
            {% do rows.append(
                '(' ~ [
                    sql_text(invocation_id), "timestamp_ntz '" ~ started.isoformat(sep=' ') ~ "'", sql_text(flags.WHICH),
                    'double(' ~ (now - run_started_at).total_seconds() ~ ')', 'cast(null as bigint)', sql_text(result.node.unique_id),
                    sql_text(result.node.resource_type | string), sql_text(result.node.alias or result.node.name),
                    sql_text(result.status | string), 'double(' ~ result.execution_time ~ ')', 'cast(null as bigint)', 'cast(null as bigint)',
                ] | join(', ') ~ ')'
            ) %}
        {% endfor %}
        {% do run_query('insert into ' ~ run_history_table() ~ ' values ' ~ rows | join(', ')) %}
    {% endif %}
{%- endmacro %}

{% macro spark__create_published_raw_loads() -%}
    {#- What the raw files had in the published build. -#}
    {% if execute and flags.WHICH in ['run', 'build', 'test'] %}
        {% set last = last_build('staging.raw_loads') %}
        {% do run_query('create schema if not exists staging') %}
        {% do run_query(
            'create table if not exists ' ~ published_raw_loads() ~ ' using parquet as select file_name, raw_rows, is_synthetic from '
            ~ (last or "(select '' as file_name, cast(0 as bigint) as raw_rows, false as is_synthetic where false)")
        ) %}
    {% endif %}
{%- endmacro %}
