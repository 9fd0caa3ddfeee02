{#-
    What each build cost, kept from build to build (macro carry_over). Written by the hooks of
    dbt_project.yml; bytes and peak memory are added by publish.py, which alone sees the finished file and process.
-#}

{% macro run_history_table() -%}{{ return('maintenance_work.run_history') }}{%- endmacro %}

{% macro run_history_columns() -%}
    {#- Name: type and meaning. -#}
    {{ return({
        'run_id': ['varchar', "dbt's invocation id."],
        'started_at': ['timestamp', 'When the run began, UTC.'],
        'command': ['varchar', 'build or run.'],
        'run_seconds': ['double', 'Seconds that the whole run took.'],
        'peak_memory_bytes': ['bigint', 'Largest resident memory of the dbt process; null outside of make build.'],
        'node_id': ['varchar', "dbt's unique id of the node."],
        'node_type': ['varchar', 'model, seed, test, unit_test or exposure.'],
        'node_name': ['varchar', 'Name of the node.'],
        'status': ['varchar', 'success, pass, warn, error, fail, skipped, or no-op for an exposure.'],
        'seconds': ['double', 'Seconds that the node took.'],
        'row_count': ['bigint', 'Rows of its table at the end of the run; null for what is no table.'],
        'byte_count': ['bigint', 'Bytes of its table, whole blocks; null for what is no table, and outside of make build.'],
    }) }}
{%- endmacro %}

{% macro create_run_history() -%}
    {% if execute and flags.WHICH in ['run', 'build'] %}
        {% set table = run_history_table() %}
        {% set columns = run_history_columns() %}
        {% set found = first_values(
            "select column_name from duckdb_columns() where database_name = current_database() and schema_name || '.' || table_name = "
            ~ sql_text(table) ~ " order by column_index"
        ) %}
        create schema if not exists {{ table.split('.')[0] }};
        {% if found and found != columns.keys() | list %}
        drop table {{ table }};
        {% endif %}
        create table if not exists {{ table }} (
            {%- for name, (type, _) in columns.items() %}{{ name }} {{ type }}{{ ', ' if not loop.last }}{% endfor -%}
        );
        comment on table {{ table }} is 'One row per run and node: what it cost. Published as maintenance.run_costs.';
        {% for name, (_, meaning) in columns.items() %}
        comment on column {{ table }}.{{ name }} is {{ sql_text(meaning) }};
        {% endfor %}
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
            limit {{ setting('engine', 'run_history_runs') }}
        );
    {% endif %}
{%- endmacro %}
