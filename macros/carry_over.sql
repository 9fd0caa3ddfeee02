{% macro carry_over() -%}
    {#-
        Copies into a new file what a build takes from the published one, which `make build` names in SEGMENTATION_LAST_BUILD: the run
        history, how many rows the raw files had, and the table of every model whose meta says carried_over. Such a model re-uses
        by fingerprint, never by trust; with --full-refresh it begins anew. Plain dbt builds in place and needs no copy.
    -#}
    {% if execute and flags.WHICH in ['run', 'build'] and env_var('SEGMENTATION_LAST_BUILD', '') %}
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
