{#-
    What each build cost, kept from build to build (publish.py carries the table over). Written by the hooks of
    dbt_project.yml; bytes and peak memory are added by publish.py, which alone sees the finished file and process.
-#}

{% macro run_history_table() -%}{{ return('maintenance_work.run_history') }}{%- endmacro %}

{% macro run_history_columns() -%}
    {{ return({
        'run_id': 'varchar', 'started_at': 'timestamp', 'command': 'varchar', 'run_seconds': 'double',
        'peak_memory_bytes': 'bigint', 'node_id': 'varchar', 'node_type': 'varchar', 'node_name': 'varchar',
        'status': 'varchar', 'seconds': 'double', 'row_count': 'bigint', 'byte_count': 'bigint',
    }) }}
{%- endmacro %}

{% macro create_run_history() -%}
    {% if execute and flags.WHICH in ['run', 'build'] %}
        {% set columns = run_history_columns() %}
        {% set found = first_values(
            "select column_name from duckdb_columns() where database_name = current_database() and schema_name = 'maintenance_work' "
            ~ "and table_name = 'run_history' order by column_index"
        ) %}
        create schema if not exists maintenance_work;
        {% if found and found != columns.keys() | list %}
        drop table {{ run_history_table() }};
        {% endif %}
        create table if not exists {{ run_history_table() }} (
            {%- for name, type in columns.items() %}{{ name }} {{ type }}{{ ', ' if not loop.last }}{% endfor -%}
        );
    {% endif %}
{%- endmacro %}

{% macro record_run(results) -%}
    {#- At the end of a build: one row per node that was run, and no more than the last run_history_runs runs. -#}
    {% if execute and flags.WHICH in ['run', 'build'] and results %}
        {% set now = modules.datetime.datetime.now(modules.pytz.utc) %}
        {% set started = run_started_at.astimezone(modules.pytz.utc).replace(tzinfo=none) %}
        insert into {{ run_history_table() }}
        with nodes (node_id, node_type, node_name, schema_name, status, seconds) as (
            values
            {%- for result in results %}
            (
                {{ sql_text(result.node.unique_id) }}, {{ sql_text(result.node.resource_type | string) }},
                {{ sql_text(result.node.alias or result.node.name) }}, {{ sql_text(result.node.schema or '') }},
                {{ sql_text(result.status | string) }}, {{ result.execution_time }}::double
            ){{ ',' if not loop.last }}
            {%- endfor %}
        )

        select
            {{ sql_text(invocation_id) }},
            timestamp '{{ started.isoformat(sep=' ') }}',
            {{ sql_text(flags.WHICH) }},
            {{ (now - run_started_at).total_seconds() }},
            null,
            nodes.node_id,
            nodes.node_type,
            nodes.node_name,
            nodes.status,
            nodes.seconds,
            tables.estimated_size,
            null,
        from nodes
        left join duckdb_tables() as tables
            on tables.database_name = current_database()
            and nodes.schema_name = tables.schema_name
            and nodes.node_name = tables.table_name
            and nodes.node_type in ('model', 'seed');
        delete from {{ run_history_table() }}
        where run_id not in (
            select run_id from {{ run_history_table() }} group by run_id order by max(started_at) desc
            limit {{ var('run_history_runs') }}
        );
    {% endif %}
{%- endmacro %}
