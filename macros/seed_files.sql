{#- How dbt reads seeds. -#}

{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {#- A seed by its path, which may lie in a folder with an apostrophe or with signs of a pattern in its name. -#}
    {% set path = adapter.get_seed_file_path(model) | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') %}
    {% set options = "(format csv, header true, delimiter '" ~ config.get('delimiter', ',') ~ "')" %}
    {% set sql = 'copy ' ~ this.render() ~ ' from ' ~ sql_text(path) ~ ' ' ~ options %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{%- endmacro %}
