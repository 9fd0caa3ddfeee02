{#- What the macros of the project ask of the adapter about raw files and settings. -#}

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
