{% macro check_database() -%}
    {#- Before any table is made: a file that holds tables of something else is not written to. -#}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['run', 'build', 'seed', 'test'] %}
        {% set foreign = first_values(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = current_database() "
            ~ "and not exists (from duckdb_tables() where database_name = current_database() and schema_name || '.' || table_name "
            ~ "in ('maintenance_work.run_history', 'maintenance.run_history', 'seeds.segment_playbook', 'staging.csv_rejects')) order by all limit 3"
        ) %}
        {% if foreign %}
            {{ exceptions.raise_compiler_error(
                "SEGMENTATION_DATABASE=" ~ target.path ~ " is not a database of this project: it holds " ~ foreign | join(', ')
                ~ ". Nothing was written to it. Give SEGMENTATION_DATABASE another name, or move that file away."
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}
