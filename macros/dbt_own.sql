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

{% macro duckdb__alter_column_comment(relation, column_dict) -%}
    {#- What dbt runs to keep descriptions of columns; in a DuckLake the columns of a view can have none. -#}
    {% if not (relation.is_view and adapter.is_ducklake(relation)) %}
        {{ return(dbt.duckdb__alter_column_comment(relation, column_dict)) }}
    {% endif %}
{%- endmacro %}

{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {#-
        What dbt runs to keep descriptions. Under a contract a table has the columns that are described, so that none need be looked
        up, and one query keeps all.
    -#}
    {% set is_known = for_relation and for_columns and config.get('contract').enforced and model.description %}
    {% if is_known and config.persist_relation_docs() and config.persist_column_docs() and not adapter.is_ducklake(relation) %}
        {% set comments = [alter_relation_comment(relation, model.description)] %}
        {% for column in model.columns.values() %}
            {% do comments.append(
                'comment on column ' ~ relation ~ '.' ~ column.name ~ ' is ' ~ dbt.duckdb_escape_comment(column.description) ~ ';'
            ) %}
        {% endfor %}
        {% do run_query(comments | join) %}
    {% else %}
        {{ return(dbt.default__persist_docs(relation, model, for_relation, for_columns)) }}
    {% endif %}
{%- endmacro %}

{% macro duckdb__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {#-
        What dbt runs for a test: its own query when it passes; otherwise an error with what was found, or for a warning a line. dbt
        would only count the rows ("Got 1 result, configured to fail if != 0"). A test whose rows have a column `sentence` speaks for
        itself, a sentence a row; of another, the first row is shown.
    -#}
    {% set counted = run_query(default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit)).rows[0] %}
    {% set fails = counted['should_error'] and config.get('severity') | lower == 'error' %}
    {% if fails or counted['should_warn'] %}
        {% set found = run_query(what_was_found(main_sql)).columns[0].values() | join('\n') %}
        {% if not fails %}{% do log('Warning of ' ~ model.name ~ ': ' ~ found, info=true) %}{% endif %}
    {% endif %}
    select
        {{ counted['failures'] }} as failures,
        {{ counted['should_warn'] }} as should_warn,
        {{ "error(" ~ sql_text(found) ~ ") is null" if fails else counted['should_error'] }} as should_error,
{%- endmacro %}

{% macro what_was_found(main_sql) -%}
    {#- The sentences of a test, or one that shows a row; one a row, at most ten. -#}
    with failing as (
        select cast(to_json(failing_rows) as string) as row_text
        from (
            {{ main_sql }}
        ) as failing_rows
    ),

    said as (
        select
            count(*) as row_count,
            min(json_extract_string(row_text, '$.sentence'), 10) as sentences,
            left(min(row_text), 500) as first_row
        from failing
    )

    select
        case
            when len(sentences) > 0
                then array_to_string(sentences, chr(10))
                    || case when row_count > len(sentences) then chr(10) || '… and ' || (row_count - len(sentences)) || ' more.' else '' end
            else row_count || ' row' || case when row_count = 1 then '' else 's' end || ' that should not be there ('
                || {{ sql_text(model.description or model.original_file_path) }} || '), such as ' || first_row
        end as found
    from said
{%- endmacro %}
