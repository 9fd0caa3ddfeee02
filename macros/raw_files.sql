{#-
    Reading the nine raw files in OLIST_RAW_DIR. What each of them is, and how it is read, is found out by
    python/customer_segmentation/intake/raw_folder.py; the columns that must be there are those of models/adapters/olist/staging/_sources.yml.
-#}

{% macro raw_dir() -%}
    {{ return(env_var('OLIST_RAW_DIR', '').rstrip('/') or adapter.config.project_root ~ '/data/sample') }}
{%- endmacro %}

{% macro sql_text(value) -%}
    {#- A text as a literal. -#}
    {{ return(adapter.dispatch('sql_text')(value)) }}
{%- endmacro %}

{% macro duckdb__sql_text(value) -%}
    {{ return("'" ~ (value | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{% macro first_values(query) -%}
    {#- The first column of a query's result, as a list. -#}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}

{% macro raw_table_reading(name) -%}
    {#- How a raw table is read: rows, a table expression; or problem. -#}
    {{ return(adapter.dispatch('raw_table_reading')(name)) }}
{%- endmacro %}

{% macro duckdb__raw_table_reading(name) -%}
    {#- And file, is_csv and stand_in. Function of the plugin raw_plugin. -#}
    {{ return(fromjson(first_values(
        "select raw_table_reading(" ~ sql_text(raw_dir()) ~ ", " ~ sql_text(name) ~ ", current_setting('temp_directory') || '.raw')"
    )[0])) }}
{%- endmacro %}

{% macro raw_table(name) -%}
    {#-
        The table expression that reads one raw file, every column as text, so that a value which
        does not parse reaches staging.rejected_rows instead of stopping the read. A row that the
        CSV reader itself must refuse is kept by keep_csv_rejects().
    -#}
    {% set relation = source('olist', name) %}
    {% if not execute %}{{ return(relation) }}{% endif %}
    {% set reading = raw_table_reading(name) %}
    {% if reading.problem and flags.WHICH in ['compile', 'generate'] %}{{ return(relation) }}{% endif %}
    {% if reading.problem %}{{ exceptions.raise_compiler_error(reading.problem) }}{% endif %}
    {{ return(reading.rows) }}
{%- endmacro %}

{% macro check_raw_files() -%}
    {#- Before any table is replaced: all nine files and the seeds can be read, with all their columns. -#}
    {% if execute and flags.WHICH in ['run', 'build', 'seed'] and var('adapter') == 'olist' %}
        {% set found = raw_folder_findings(raw_dir()) %}
        {% if found.problems %}
            {{ exceptions.raise_compiler_error(
                "The raw data in " ~ raw_dir() ~ " cannot be used; nothing was replaced.\n  - "
                ~ found.problems | join("\n  - ")
                ~ "\nMend it: `make sample` makes synthetic data, `make data` fetches the real set, "
                ~ "`make verify` checks a folder line by line; OLIST_RAW_DIR says which folder is read."
            ) }}
        {% endif %}
        {% for note in found.notes %}{% do log(note, info=true) %}{% endfor %}
    {% endif %}
{%- endmacro %}

{% macro raw_folder_findings(folder) -%}
    {{ return(adapter.dispatch('raw_folder_findings')(folder)) }}
{%- endmacro %}

{% macro duckdb__raw_folder_findings(folder) -%}
    {{ return(fromjson(first_values("select raw_folder_findings(" ~ sql_text(folder) ~ ")")[0])) }}
{%- endmacro %}

{% macro csv_rejects() -%}
    {#- A relation of file_name, record_number, reason and raw_text: what the reader refused, a row for each physical line. -#}
    {{ return(adapter.dispatch('csv_rejects')()) }}
{%- endmacro %}

{% macro duckdb__csv_rejects() -%}
    {{ return(source('reader', 'csv_rejects')) }}
{%- endmacro %}

{% macro csv_rejects_table() -%}{{ return('staging.csv_rejects') }}{%- endmacro %}

{% macro create_csv_rejects() -%}
    {#- The rows that the CSV reader refused, one row per physical line. Filled by keep_csv_rejects(). -#}
    {% if target.type == 'duckdb' and var('adapter') == 'olist' and flags.WHICH in ['run', 'build', 'test'] %}
        create schema if not exists staging;
        create table if not exists {{ csv_rejects_table() }} (
            file_name varchar, record_number bigint, reason varchar, raw_text varchar
        );
        comment on table {{ csv_rejects_table() }} is
        'One row per physical line that the CSV reader refused. Published as staging.rejected_rows.';
    {% endif %}
{%- endmacro %}

{% macro keep_csv_rejects(name) -%}
    {#-
        Post-hook of a staging model: what the reader refused, from its temporary tables to
        staging.csv_rejects. A quote that is never closed swallows the lines after it: each of
        them becomes a row of its own, under the number of the record. One that swallows more than the reader keeps of a row
        (10,000 characters) cannot be accounted for, and stops the build.
    -#}
    {% if not execute or target.type != 'duckdb' %}{{ return('') }}{% endif %}
    {% set reading = raw_table_reading(name) %}
    delete from {{ csv_rejects_table() }} where file_name = {{ sql_text(name) }};
    {% if reading.is_csv %}
    insert into {{ csv_rejects_table() }}
    with refused as (
        select
            line,
            replace(any_value(csv_line), chr({{ reading.stand_in }}), chr(13)) as csv_line,
            string_agg(distinct lower(cast(error_type as varchar)), ', ' order by lower(cast(error_type as varchar))) as reason
        from rejects_{{ name }}
        group by line
    ),

    lines as (
        select
            line,
            reason,
            case
                when length(csv_line) >= 10000
                    then error(
                        {{ sql_text(reading.file) }} || ' record ' || line || ': a quote is opened and not closed, and what follows is '
                        || 'longer than 10,000 characters. Close the quote there (a quote inside a value is written twice).'
                    )
                else string_split(csv_line, chr(10))
            end as parts
        from refused
    ),

    numbered as (
        select
            line,
            reason,
            parts,
            unnest(range(len(parts))) as position
        from lines
    )

    select
        {{ sql_text(name) }},
        line,
        'csv: ' || reason,
        rtrim(parts[position + 1], chr(13))
    from numbered
    where position = 0 or trim(parts[position + 1]) != '';
    {% endif %}
{%- endmacro %}

{% macro staged_files() -%}
    {#- The raw files, each with its staging model and the key by which rejected_rows names a row. -#}
    {{ return({
        'olist_customers_dataset': ('stg_customers', ['order_customer_id']),
        'olist_geolocation_dataset': ('stg_geolocation', ['zip_code_prefix']),
        'olist_order_items_dataset': ('stg_order_items', ['order_id', 'order_item_number']),
        'olist_order_payments_dataset': ('stg_order_payments', ['order_id', 'payment_sequential']),
        'olist_order_reviews_dataset': ('stg_order_reviews', ['review_id', 'order_id']),
        'olist_orders_dataset': ('stg_orders', ['order_id']),
        'product_category_name_translation': ('stg_product_categories', ['product_category_name']),
        'olist_products_dataset': ('stg_products', ['product_id']),
        'olist_sellers_dataset': ('stg_sellers', ['seller_id']),
    }) }}
{%- endmacro %}

{% macro is_synthetic() -%}
    {#- Whether OLIST_RAW_DIR was made by the sample generator, which leaves a marker file there. -#}
    {% if not execute %}{{ return(false) }}{% endif %}
    {{ return(adapter.dispatch('file_exists')(raw_dir() ~ '/_synthetic.json')) }}
{%- endmacro %}

{% macro duckdb__file_exists(path) -%}
    {% set pattern = path.replace('[', '[[]').replace('*', '[*]').replace('?', '[?]') %}
    {{ return((first_values('select file from glob(' ~ sql_text(pattern) ~ ')') | length) > 0) }}
{%- endmacro %}

{% macro file_completeness_checks() -%}
    {#-
        What the raw files say of each other: the keys in the accepted rows of some columns must be found in any row of another
        file, which was cut off when more are missing than setting largest_missing_shares allows. A review comes weeks after its order.
    -#}
    {{ return({
        'orders_without_customer': {
            'file': 'olist_customers_dataset', 'counted_as': 'orders have no customer',
            'counted': [('stg_orders', 'order_customer_id')], 'found_in': ('stg_customers', 'order_customer_id'),
        },
        'customers_without_order': {
            'file': 'olist_orders_dataset', 'counted_as': 'customers have no order',
            'counted': [('stg_customers', 'order_customer_id')], 'found_in': ('stg_orders', 'order_customer_id'),
        },
        'orders_without_payment': {
            'file': 'olist_order_payments_dataset', 'counted_as': 'orders have no payment',
            'counted': [('stg_orders', 'order_id')], 'found_in': ('stg_order_payments', 'order_id'),
        },
        'orders_without_line': {
            'file': 'olist_order_items_dataset', 'counted_as': 'orders have no order line',
            'counted': [('stg_orders', 'order_id')], 'found_in': ('stg_order_items', 'order_id'),
        },
        'orders_without_review': {
            'file': 'olist_order_reviews_dataset', 'counted_as': 'orders older than 60 days have no review',
            'counted': [('stg_orders', 'order_id')], 'found_in': ('stg_order_reviews', 'order_id'),
            'where': 'purchased_at < (select settled_before from settled)',
        },
        'products_missing': {
            'file': 'olist_products_dataset', 'counted_as': 'products that were ordered are missing',
            'counted': [('stg_order_items', 'product_id')], 'found_in': ('stg_products', 'product_id'),
        },
        'sellers_missing': {
            'file': 'olist_sellers_dataset', 'counted_as': 'sellers of order lines are missing',
            'counted': [('stg_order_items', 'seller_id')], 'found_in': ('stg_sellers', 'seller_id'),
        },
        'zip_prefixes_missing': {
            'file': 'olist_geolocation_dataset', 'counted_as': 'zip-code prefixes of customers and sellers are missing',
            'found_in': ('stg_geolocation', 'zip_code_prefix'),
            'counted': [('stg_customers', 'customer_zip_code_prefix'), ('stg_sellers', 'seller_zip_code_prefix')],
        },
        'categories_missing': {
            'file': 'product_category_name_translation', 'counted_as': 'categories of products are missing',
            'counted': [('stg_products', 'product_category_name')],
            'found_in': ('stg_product_categories', 'product_category_name'),
        },
    }) }}
{%- endmacro %}
