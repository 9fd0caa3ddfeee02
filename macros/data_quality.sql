{#- What the values of the raw tables are expected to be, and the checks of it. -#}

{% macro data_quality_checks() -%}
    {#-
        What marts.data_quality looks at, as branches of a union, one look at a table. For each raw table: the model that holds
        its rows; its key; for each column the largest share of nulls that is normal (none: any); what a value in
        range is, with the largest share of others that is normal; where the values must be found; which event must
        come first; which columns are times, with the largest share after the latest as-of date that is normal; in
        which columns repeated values are counted. Shares are those of the real data, rounded up.
    -#}
    {% set tables = {
        'olist_customers_dataset': {
            'model': 'stg_customers', 'key': ['order_customer_id'],
            'nulls': {
                'order_customer_id': 0, 'customer_unique_id': 0, 'customer_zip_code_prefix': 0, 'customer_city': 0,
                'customer_state': 0,
            },
            'ranges': {'customer_zip_code_prefix': ['length(customer_zip_code_prefix) = 5', 0]},
            'orphans': {
                'customer_zip_code_prefix': ['stg_geolocation', 'zip_code_prefix', 0.01],
                'customer_state': ['states', 'state_code', 0],
            },
            'repeats': ['customer_unique_id'],
        },
        'olist_orders_dataset': {
            'model': 'stg_orders', 'key': ['order_id'],
            'nulls': {
                'order_id': 0, 'order_customer_id': 0, 'order_status': 0, 'purchased_at': 0, 'approved_at': 0.01,
                'handed_to_carrier_at': 0.03, 'delivered_at': 0.05, 'estimated_delivery_at': 0,
            },
            'ranges': {
                'order_status': [
                    "order_status in ('created', 'approved', 'invoiced', 'processing', 'shipped', 'delivered', "
                    ~ "'canceled', 'unavailable')", 0
                ],
            },
            'orphans': {'order_customer_id': ['stg_customers', 'order_customer_id', 0]},
            'sequences': {
                'approved_at': ['approved_at >= purchased_at', 0],
                'handed_to_carrier_at': ['handed_to_carrier_at >= approved_at', 0.03],
                'delivered_at': ['delivered_at >= handed_to_carrier_at', 0.01],
                'estimated_delivery_at': ['estimated_delivery_at >= purchased_at', 0],
            },
            'times': {
                'purchased_at': 0, 'approved_at': 0, 'handed_to_carrier_at': 0, 'delivered_at': 0,
                'estimated_delivery_at': none,
            },
        },
        'olist_order_items_dataset': {
            'model': 'stg_order_items', 'key': ['order_id', 'order_item_number'],
            'nulls': {
                'order_id': 0, 'order_item_number': 0, 'product_id': 0, 'seller_id': 0, 'shipping_limit_at': 0, 'price': 0,
                'freight_value': 0,
            },
            'ranges': {
                'order_item_number': ['order_item_number between 1 and 99', 0],
                'price': ['price > 0 and price < 100000', 0],
                'freight_value': ['freight_value >= 0 and freight_value < 10000', 0],
            },
            'orphans': {
                'order_id': ['stg_orders', 'order_id', 0], 'product_id': ['stg_products', 'product_id', 0],
                'seller_id': ['stg_sellers', 'seller_id', 0],
            },
            'times': {'shipping_limit_at': 0.001},
        },
        'olist_order_payments_dataset': {
            'model': 'stg_order_payments', 'key': ['order_id', 'payment_sequential'],
            'nulls': {
                'order_id': 0, 'payment_sequential': 0, 'payment_type': 0, 'payment_installments': 0, 'payment_value': 0,
            },
            'ranges': {
                'payment_type': ["payment_type in ('credit_card', 'boleto', 'voucher', 'debit_card')", 0.001],
                'payment_installments': ['payment_installments between 1 and 24', 0.001],
                'payment_value': ['payment_value > 0 and payment_value < 100000', 0.001],
            },
            'orphans': {'order_id': ['stg_orders', 'order_id', 0]},
        },
        'olist_order_reviews_dataset': {
            'model': 'stg_order_reviews', 'key': ['review_id', 'order_id'],
            'nulls': {
                'review_id': 0, 'order_id': 0, 'review_score': 0, 'review_comment_title': none,
                'review_comment_message': none, 'review_created_at': 0.001, 'review_answered_at': 0.001,
            },
            'ranges': {'review_score': ['review_score between 1 and 5', 0]},
            'orphans': {'order_id': ['stg_orders', 'order_id', 0]},
            'sequences': {'review_answered_at': ['review_answered_at >= review_created_at', 0]},
            'repeats': ['review_id', 'order_id'],
            'times': {'review_created_at': none, 'review_answered_at': none},
        },
        'olist_products_dataset': {
            'model': 'stg_products', 'key': ['product_id'],
            'nulls': {
                'product_id': 0, 'product_category_name': 0.03, 'product_name_length': 0.03,
                'product_description_length': 0.03, 'product_photo_count': 0.03, 'product_weight_g': 0.001,
                'product_length_cm': 0.001, 'product_height_cm': 0.001, 'product_width_cm': 0.001,
            },
            'ranges': {
                'product_photo_count': ['product_photo_count between 1 and 30', 0],
                'product_weight_g': ['product_weight_g > 0 and product_weight_g <= 50000', 0.001],
                'product_length_cm': ['product_length_cm between 1 and 200', 0],
                'product_height_cm': ['product_height_cm between 1 and 200', 0],
                'product_width_cm': ['product_width_cm between 1 and 200', 0],
            },
            'orphans': {'product_category_name': ['stg_product_categories', 'product_category_name', 0.001]},
        },
        'olist_sellers_dataset': {
            'model': 'stg_sellers', 'key': ['seller_id'],
            'nulls': {'seller_id': 0, 'seller_zip_code_prefix': 0, 'seller_city': 0, 'seller_state': 0},
            'ranges': {'seller_zip_code_prefix': ['length(seller_zip_code_prefix) = 5', 0]},
            'orphans': {
                'seller_zip_code_prefix': ['stg_geolocation', 'zip_code_prefix', 0.01],
                'seller_state': ['states', 'state_code', 0],
            },
        },
        'olist_geolocation_dataset': {
            'model': 'stg_geolocation', 'key': [],
            'nulls': {'zip_code_prefix': 0, 'latitude': 0, 'longitude': 0, 'city': 0, 'state': 0},
            'ranges': {
                'zip_code_prefix': ['length(zip_code_prefix) = 5', 0],
                'latitude': ['latitude between -33.75 and 5.28', 0.001],
                'longitude': ['longitude between -73.99 and -28.84', 0.001],
            },
            'orphans': {'state': ['states', 'state_code', 0]},
            'repeats': ['zip_code_prefix'],
        },
        'product_category_name_translation': {
            'model': 'stg_product_categories', 'key': ['product_category_name'],
            'nulls': {'product_category_name': 0, 'product_category_name_english': 0},
        },
    } %}
    {% for raw_table, table in tables.items() %}
    {% set rows = ref(table.model) ~ ' as rows_of_table' %}
    {% set checks = [] %}
    {#- Rows alike in all columns are alike in the key, which the test of its grain holds unique: it alone is compared. -#}
    {% set repeated = repeated_rows((table.key or table.nulls.keys()) | join(', '), rows) %}
    {% set key = [table.key | join(' + '), repeated, 0] if table.key else ['(the file has no key)', '0', none] %}
    {% do checks.append([key[0], 'key', 'count(*)', key[1], none, key[2], none]) %}
    {% do checks.append(['(all columns)', 'duplicates', 'count(*)', repeated, none, key[2], none]) %}
    {% for column in table.repeats or [] %}
    {% do checks.append([column, 'duplicates', 'count(*)', repeated_rows(column, rows), none, none, none]) %}
    {% endfor %}
    {% for column, limit in table.nulls.items() %}
    {% do checks.append([column, 'nulls', 'count(*)', 'count(*) - count(' ~ column ~ ')', none, limit, none]) %}
    {% endfor %}
    {% for kind, conditions in [('range', table.ranges), ('sequence', table.sequences)] %}
    {% for column, (condition, limit) in (conditions or {}).items() %}
    {% set outside = 'count(case when not (' ~ condition ~ ') then 1 end)' %}
    {% do checks.append([column, kind, 'count(' ~ column ~ ')', outside, column if kind == 'range' else none, limit, none]) %}
    {% endfor %}
    {% endfor %}
    {% for column, limit in (table.times or {}).items() %}
    {% set later = 'count(case when ' ~ column ~ ' >= latest_as_of_date then 1 end)' %}
    {% do checks.append([column, 'freshness', 'count(' ~ column ~ ')', later, column, limit, 'cast(max(' ~ column ~ ') as date)']) %}
    {% else %}
    {% do checks.append(['(the file has no time)', 'freshness', 'count(*)', '0', none, none, none]) %}
    {% endfor %}
    {{ data_quality_of(raw_table, rows ~ (' cross join latest' if table.times else ''), checks) }}
    {% for column, (parent, parent_column, limit) in (table.orphans or {}).items() %}
    {% set parents = 'select distinct ' ~ parent_column ~ ' as parent_key from ' ~ ref(parent)
        ~ ('' if parent == 'states' else ' where reject_reason is null') %}
    {{ data_quality_of(
        raw_table, rows ~ ' left join (' ~ parents ~ ') as parents on rows_of_table.' ~ column ~ ' = parents.parent_key',
        [[column, 'orphans', 'count(' ~ column ~ ')', 'count(' ~ column ~ ') - count(parent_key)', none, limit, none]]
    ) }}
    {% endfor %}
    {% endfor %}
{%- endmacro %}

{% macro data_quality_of(raw_table, rows, checks) -%}
    {#-
        A row for each check of some rows, in one look at them: its column and kind; of the checked rows (an aggregate) so many are
        found (another); the column of which the lowest and highest value is said; the normal share, none: any; the newest date.
    -#}
    {% set aggregates = {} %}
    {% for _, _, checked, found, value, _, newest in checks %}
    {% for one in [checked, found] + (['cast(min(' ~ value ~ ') as string)', 'cast(max(' ~ value ~ ') as string)'] if value else [])
        + ([newest] if newest else []) if one not in aggregates %}
    {% do aggregates.update({one: 'aggregate_' ~ (aggregates | length + 1)}) %}
    {% endfor %}
    {% endfor %}
    union all
    select * from (
        with looked_at as (
            select
                {%- for one, name in aggregates.items() %}
                {{ one }} as {{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            from {{ rows }}
            where reject_reason is null
        )

        {% for column, kind, checked, found, value, limit, newest in checks %}
        select
            '{{ raw_table }}' as raw_table,
            '{{ column }}' as column_name,
            '{{ kind }}' as check_name,
            {{ aggregates[checked] }} as checked_rows,
            {{ aggregates[found] }} as found_rows,
            {{ aggregates['cast(min(' ~ value ~ ') as string)'] if value else 'cast(null as string)' }} as lowest_value,
            {{ aggregates['cast(max(' ~ value ~ ') as string)'] if value else 'cast(null as string)' }} as highest_value,
            cast({{ 'null' if limit is none else limit }} as double) as maximum_share,
            {{ aggregates[newest] if newest else 'cast(null as date)' }} as newest_date
        from looked_at
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as checks_of_rows
{%- endmacro %}

{% macro repeated_rows(columns, rows) -%}
    {#- Rows that have the values of another row in these columns, that one not counted. -#}
    count(*) - (select count(*) from (select distinct {{ columns }} from {{ rows }} where reject_reason is null) as different)
{%- endmacro %}

{% macro numbered_by_key(rows, key, tie_breakers, problem='row_problem is not null', beside=none) -%}
    {#-
        The rows with key_occurrence, 1 for the one to keep of those with one key: a sound one, if there is one, and by the
        tie_breakers, so that it does not depend on the file's order. Few keys occur twice, so only their rows are sorted.
        What makes a row unsound may name the columns of a relation of one row, beside.
    -#}
    {%- set is_repeated -%}
        repeated
            on {% for column in key -%}
                {{ rows }}.{{ column }} is not distinct from repeated.{{ column }}{{ ' and ' if not loop.last }}
            {%- endfor %}
    {%- endset %}
    with repeated as (
        select {{ key | join(', ') }}
        from {{ rows }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    )

    select
        {{ rows }}.*,
        1 as key_occurrence
    from {{ rows }}
    anti join {{ is_repeated }}
    union all
    select
        {{ rows }}.*,
        row_number() over (
            partition by {{ key | join(', ') }}
            order by {{ nulls_last(['(' ~ problem ~ ')'] + tie_breakers) }}
        ) as key_occurrence
    from {{ rows }}
    semi join {{ is_repeated }}
    {{ 'cross join ' ~ beside if beside }}
{%- endmacro %}
