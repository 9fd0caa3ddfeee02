{#-
    What is kept from build to build: what each build cost, how many rows each raw file had, so that a file that was cut off does not
    pass for a whole one, and the results that are re-used. Written by the hooks of dbt_project.yml; publishing/costs.py adds bytes
    and peak memory, for it alone sees the finished file and process.
-#}

{% macro carry_over() -%}
    {#-
        Copies into a new file what a build takes from the published one, which `make build` names in SEGMENTATION_LAST_BUILD: the run
        history, how many rows the raw files had, and the table of every model whose meta says carried_over. Such a model re-uses
        by fingerprint, never by trust; with --full-refresh it begins anew. Plain dbt builds in place and needs no copy.
    -#}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['run', 'build'] and env_var('SEGMENTATION_LAST_BUILD', '') %}
        {% set tables = [run_history_table(), published_raw_loads()] %}
        {% if not flags.FULL_REFRESH %}
            {% for node in graph.nodes.values() if node.resource_type == 'model' and node.config.meta.get('carried_over') %}
                {% do tables.append(node.schema ~ '.' ~ node.alias) %}
            {% endfor %}
        {% endif %}
        {#- Not the name of the new file, which is that of the published one. -#}
        {% set name = 'before_' ~ target.database %}
        {% set last_build = '"' ~ name | replace('"', '""') ~ '"' %}
        {% do run_query("attach " ~ sql_text(env_var('SEGMENTATION_LAST_BUILD')) ~ " as " ~ last_build ~ " (read_only)") %}
        {% set found = first_values(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = " ~ sql_text(name)
        ) %}
        {% for table in tables if table in found %}
            {% set schema_name, table_name = table.split('.') %}
            {% do run_query("create schema if not exists " ~ schema_name) %}
            {% do run_query("create table if not exists " ~ table ~ " as from " ~ last_build ~ "." ~ table) %}
            {% do adapter.cache_added(
                api.Relation.create(database=target.database, schema=schema_name, identifier=table_name, type='table')
            ) %}
        {% endfor %}
        {% do run_query("detach " ~ last_build) %}
    {% endif %}
{%- endmacro %}

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
    {{ return(adapter.dispatch('create_run_history')()) }}
{%- endmacro %}

{% macro duckdb__create_run_history() -%}
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
    {{ return(adapter.dispatch('record_run')(results)) }}
{%- endmacro %}

{% macro duckdb__record_run(results) -%}
    {% if execute and flags.WHICH in ['run', 'build'] and results %}
        {% set now = modules.datetime.datetime.now(modules.pytz.utc) %}
        {% set started = run_started_at.astimezone(modules.pytz.utc).replace(tzinfo=none) %}
        {% set nodes = [] %}
        {% for result in results %}
            {% do nodes.append({
                'node_id': result.node.unique_id, 'node_type': result.node.resource_type | string,
                'node_name': result.node.alias or result.node.name, 'schema_name': result.node.schema or '',
                'status': result.status | string, 'seconds': result.execution_time
            }) %}
        {% endfor %}
        {% set columns = {} %}
        {% for name in nodes[0] %}{% do columns.update({name: 'double' if name == 'seconds' else 'varchar'}) %}{% endfor %}
        insert into {{ run_history_table() }}
        with nodes as (
            select unnest(from_json({{ sql_text(tojson(nodes)) }}, {{ sql_text(tojson([columns])) }}), recursive := true)
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
            null
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

{% macro published_raw_loads() -%}{{ return('staging.published_raw_loads') }}{%- endmacro %}

{% macro create_published_raw_loads() -%}
    {{ return(adapter.dispatch('create_published_raw_loads')()) }}
{%- endmacro %}

{% macro duckdb__create_published_raw_loads() -%}
    {% if execute and var('adapter') == 'olist' and flags.WHICH in ['run', 'build', 'test'] %}
        {% set columns = 'file_name, raw_rows, is_synthetic' %}
        {% set built_before = first_values(
            "select 1 from duckdb_tables() where database_name = current_database() and schema_name = 'staging' "
            ~ "and table_name = 'raw_loads'"
        ) %}
        create schema if not exists staging;
        create table if not exists {{ published_raw_loads() }} as
        {% if built_before -%}
        select {{ columns }} from staging.raw_loads;
        {%- else -%}
        select * from (values ('', 0::bigint, false)) as nothing ({{ columns }}) where false;
        {%- endif %}
    {% endif %}
{%- endmacro %}

{% macro keep_raw_loads(results) -%}
    {#-
        At the end of a run in which nothing failed: what the next one is compared with. Without the test that compares, a smaller
        number is not taken over.
    -#}
    {% if execute and target.type == 'duckdb' and var('adapter') == 'olist' and flags.WHICH in ['run', 'build'] %}
        {% set failed = results | selectattr('status', 'in', ['error', 'fail', 'runtime error', 'partial success']) | list %}
        {% set passed = results | map(attribute='node.name') | list %}
        {% if not failed and 'raw_loads' in passed %}
            {% set is_compared = 'raw_loads_no_file_has_fewer_rows_than_before' in passed %}
        create or replace table {{ published_raw_loads() }} as
        select
            raw_loads.file_name,
            {{ 'raw_loads.raw_rows' if is_compared else 'greatest(raw_loads.raw_rows, published.raw_rows)' }} as raw_rows,
            raw_loads.is_synthetic
        from staging.raw_loads as raw_loads
        left join {{ published_raw_loads() }} as published
            on raw_loads.file_name = published.file_name
            and raw_loads.is_synthetic = published.is_synthetic;
        {% endif %}
    {% endif %}
{%- endmacro %}
