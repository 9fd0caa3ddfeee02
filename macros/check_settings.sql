{% macro check_settings() -%}
    {#- A var out of its range stops the run with the repair, before any table is replaced. -#}
    {% set problems = [] %}
    {% if var('order_basis') not in ['placed', 'delivered'] %}
        {% do problems.append("order_basis is '" ~ var('order_basis') ~ "'; it must be placed or delivered") %}
    {% endif %}
    {% set first_as_of_date = var('first_as_of_date') | string %}
    {% if not modules.re.fullmatch('[0-9]{4}-(0[1-9]|1[0-2])-01', first_as_of_date) %}
        {% do problems.append("first_as_of_date is '" ~ first_as_of_date ~ "'; it must be the first of a month, such as 2017-04-01") %}
    {% endif %}
    {% for name in ['max_rejected_share', 'smallest_cluster_share'] if not 0 <= var(name) | float <= 1 %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a share between 0 and 1") %}
    {% endfor %}
    {% for name, least in {
        'minimum_customers': 1, 'minimum_history_days': 0, 'n_clusters': 2, 'n_init': 1, 'max_iter': 1, 'seed': 0,
        'sparse_month_orders': 0, 'exact_silhouette_rows': 3,
    }.items() if var(name) is not integer or var(name) < least %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a whole number, " ~ least ~ " or more") %}
    {% endfor %}
    {% set question_as_of_date = var('question_as_of_date') | string %}
    {% if var('question_as_of_date') is not none and not is_iso_date(question_as_of_date) %}
        {% do problems.append("question_as_of_date is '" ~ question_as_of_date ~ "'; it must be a date such as 2018-10-18, or null for the latest one") %}
    {% endif %}
    {% for name, least in {
        'late_orders_months': 1, 'late_orders_minimum_days_late': 1, 'engaged_new_sellers_months': 1,
        'engaged_new_sellers_products_above': 0, 'worst_rated_zip_codes_months': 1,
        'worst_rated_zip_codes_reviews_above': 0, 'worst_rated_zip_codes_count': 1,
    }.items() if var(name) is not integer or var(name) < least %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a whole number, " ~ least ~ " or more") %}
    {% endfor %}
    {% if var('top_sellers_revenue_above') is not number or var('top_sellers_revenue_above') < 0 %}
        {% do problems.append("top_sellers_revenue_above is " ~ var('top_sellers_revenue_above') ~ "; it is an amount in BRL, 0 or more") %}
    {% endif %}
    {% if target.type == 'duckdb' and target.database in ['staging', 'intermediate', 'marts', 'segmentation', 'maintenance', 'bi', 'seeds'] %}
        {% do problems.append(
            "OLIST_DATABASE names the file " ~ target.database ~ ".duckdb, which is also the name of a schema; give the file another name"
        ) %}
    {% endif %}
    {% if problems %}
        {{ exceptions.raise_compiler_error("Settings that cannot be used (see vars in dbt_project.yml):\n  - " ~ problems | join("\n  - ")) }}
    {% endif %}
{%- endmacro %}
