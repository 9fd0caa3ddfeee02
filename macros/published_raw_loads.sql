{#-
    How many rows each raw file had in the last build, kept from build to build (macro carry_over), so that a
    file that was cut off does not pass for a whole one.
-#}

{% macro published_raw_loads() -%}{{ return('staging.published_raw_loads') }}{%- endmacro %}

{% macro create_published_raw_loads() -%}
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
    {% if execute and var('adapter') == 'olist' and flags.WHICH in ['run', 'build'] %}
        {% set failed = results | selectattr('status', 'in', ['error', 'fail', 'runtime error', 'partial success']) | list %}
        {% set passed = results | map(attribute='node.name') | list %}
        {% if not failed and 'raw_loads' in passed %}
            {% set is_compared = 'raw_loads_no_file_has_fewer_rows_than_before' in passed %}
        create or replace table {{ published_raw_loads() }} as
        select
            raw_loads.file_name,
            {{ 'raw_loads.raw_rows' if is_compared else 'greatest(raw_loads.raw_rows, published.raw_rows)' }} as raw_rows,
            raw_loads.is_synthetic,
        from staging.raw_loads as raw_loads
        left join {{ published_raw_loads() }} as published
            on raw_loads.file_name = published.file_name
            and raw_loads.is_synthetic = published.is_synthetic;
        {% endif %}
    {% endif %}
{%- endmacro %}
