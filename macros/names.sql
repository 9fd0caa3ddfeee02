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
