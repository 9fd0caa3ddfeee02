{#- The hooks of the project, as far as they do something on Spark. -#}

{% macro spark__check_caller() -%}
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
    {% if execute and var('adapter') == 'olist' and flags.WHICH in ['run', 'build', 'test'] %}
        {% set last = last_build('staging.raw_loads') %}
        {% do run_query('create schema if not exists staging') %}
        {% do run_query(
            'create table if not exists ' ~ published_raw_loads() ~ ' using parquet as select file_name, raw_rows, is_synthetic from '
            ~ (last or "(select '' as file_name, cast(0 as bigint) as raw_rows, false as is_synthetic where false)")
        ) %}
    {% endif %}
{%- endmacro %}
