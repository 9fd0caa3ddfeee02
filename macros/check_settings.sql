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
    {% for name in ['max_rejected_share', 'smallest_cluster_share', 'rule_fidelity', 'control_share'] if not 0 <= var(name) | float <= 1 %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a share between 0 and 1") %}
    {% endfor %}
    {# --- data #}
    {% for name in ['allow_future_times', 'allow_fewer_rows'] if var(name) is not boolean %}
        {% do problems.append(name ~ " is '" ~ var(name) ~ "'; it is true or false") %}
    {% endfor %}
    {% if var('largest_amount') is not number or var('largest_amount') is boolean or var('largest_amount') <= 0 %}
        {% do problems.append("largest_amount is '" ~ var('largest_amount') ~ "'; it is an amount in BRL, above 0") %}
    {% endif %}
    {% if var('largest_gap_days') is not none and (var('largest_gap_days') is not integer or var('largest_gap_days') < 1) %}
        {% do problems.append("largest_gap_days is '" ~ var('largest_gap_days') ~ "'; it is a whole number of days, 1 or more, or null for any") %}
    {% endif %}
    {% set checks = file_completeness_checks().keys() | list %}
    {% if var('largest_missing_shares') is not mapping %}
        {% do problems.append("largest_missing_shares is '" ~ var('largest_missing_shares') ~ "'; it names checks with shares, such as {" ~ checks[0] ~ ": 0.5}") %}
    {% else %}
        {% for check, share in var('largest_missing_shares').items() %}
            {% if check not in checks %}
                {% do problems.append("largest_missing_shares names '" ~ check ~ "'; the checks are " ~ checks | join(', ')) %}
            {% elif share is not number or share is boolean or not 0 <= share <= 1 %}
                {% do problems.append("largest_missing_shares of " ~ check ~ " is '" ~ share ~ "'; it is a share between 0 and 1") %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% for name, least in {
        'maximum_as_of_dates': 1, 'minimum_customers': 1, 'minimum_history_days': 0, 'n_clusters': 2, 'n_init': 1, 'max_iter': 1, 'seed': 0,
        'sparse_month_orders': 0, 'exact_silhouette_rows': 3, 'measured_customers': 1000,
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
    {% if var('history_months') is not none and (var('history_months') is not integer or var('history_months') < 1) %}
        {% do problems.append("history_months is " ~ var('history_months') ~ "; it is a whole number, 1 or more, or null for all") %}
    {% endif %}
    {% if var('study_interval_months') is not none and (var('study_interval_months') is not integer or var('study_interval_months') < 1) %}
        {% do problems.append("study_interval_months is " ~ var('study_interval_months') ~ "; it is a whole number, 1 or more, or null for a comparison at every date") %}
    {% endif %}
    {% if var('study_as_of_date') is not none and not is_iso_date(var('study_as_of_date') | string) %}
        {% do problems.append("study_as_of_date is '" ~ var('study_as_of_date') ~ "'; it must be a date of marts.periods such as 2018-08-01, or null") %}
    {% endif %}
    {% for feature, transform in var('feature_transforms').items() if transform not in ['log1p', 'robust', 'quantile'] %}
        {% do problems.append("feature_transforms of " ~ feature ~ " is '" ~ transform ~ "'; it must be log1p, robust or quantile, or left out") %}
    {% endfor %}
    {% set rfm_columns = ['recency_days', 'frequency', 'monetary', 'average_review_score', 'review_count', 'tenure_days'] %}
    {% for feature in var('feature_transforms') if feature not in rfm_columns %}
        {% do problems.append("feature_transforms names " ~ feature ~ "; marts.rfm has " ~ rfm_columns | join(', ')) %}
    {% endfor %}
    {% for feature in var('segmentation_features') if feature not in rfm_columns %}
        {% do problems.append("segmentation_features names " ~ feature ~ "; marts.rfm has " ~ rfm_columns | join(', ')) %}
    {% endfor %}
    {# --- meaning #}
    {% set horizons = var('outcome_horizon_days') %}
    {% if horizons is string or horizons is not sequence or not horizons or horizons | select('integer') | list | length < horizons | length or horizons | min < 1 or horizons | unique | list | length < horizons | length %}
        {% do problems.append("outcome_horizon_days is '" ~ horizons ~ "'; it must be a list of different whole numbers of days, 1 or more, such as [30, 90, 180]") %}
    {% endif %}
    {% if var('comparison_horizon_days') not in horizons %}
        {% do problems.append("comparison_horizon_days is '" ~ var('comparison_horizon_days') ~ "'; it must be one of outcome_horizon_days") %}
    {% endif %}
    {% if var('control_effect') is not number or var('control_effect') is boolean or var('control_effect') <= 0 %}
        {% do problems.append("control_effect is '" ~ var('control_effect') ~ "'; it is a number above 0, such as 0.2 for a fifth more") %}
    {% endif %}
    {# --- maintenance #}
    {% set baseline_as_of_date = var('baseline_as_of_date') | string %}
    {% if not modules.re.fullmatch('[0-9]{4}-(0[1-9]|1[0-2])-01', baseline_as_of_date) %}
        {% do problems.append("baseline_as_of_date is '" ~ baseline_as_of_date ~ "'; it must be the first of a month, such as 2018-01-01") %}
    {% endif %}
    {% if var('refresh_mode') not in ['every_period', 'as_decided'] %}
        {% do problems.append("refresh_mode is '" ~ var('refresh_mode') ~ "'; it must be every_period or as_decided") %}
    {% endif %}
    {% if var('force_retrain') is string or var('force_retrain') is not sequence %}
        {% do problems.append("force_retrain is '" ~ var('force_retrain') ~ "'; it must be a list of dates, such as [2018-09-01] or [latest]") %}
    {% else %}
        {% for day in var('force_retrain') if day != 'latest' and not modules.re.fullmatch('[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]', day | string) %}
            {% do problems.append("force_retrain names '" ~ day ~ "'; each entry must be a date such as 2018-09-01, or latest") %}
        {% endfor %}
    {% endif %}
    {% for name, least in {
        'null_seeds': 0, 'null_bootstraps': 0, 'stability_silhouette_rows': 3, 'policy_history_days': 0,
        'run_history_runs': 1, 'builds_per_year': 0, 'comparison_months': 1,
    }.items() if var(name) is not integer or var(name) < least %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a whole number, " ~ least ~ " or more") %}
    {% endfor %}
    {% for name in [
        'machine_price_per_hour', 'refit_seconds', 'rescore_seconds', 'review_price_per_hour', 'refit_review_hours',
        'rescore_review_hours',
    ] if var(name) is not number or var(name) < 0 %}
        {% do problems.append(name ~ " is " ~ var(name) ~ "; it is a number, 0 or more") %}
    {% endfor %}
    {% if target.type == 'duckdb' and target.database in ['staging', 'intermediate', 'marts', 'segmentation', 'segmentation_work', 'maintenance', 'maintenance_work', 'bi', 'seeds'] %}
        {% do problems.append(
            "SEGMENTATION_DATABASE names the file " ~ target.database ~ ".duckdb, which is also the name of a schema; give the file another name"
        ) %}
    {% endif %}
    {% if problems %}
        {{ exceptions.raise_compiler_error("Settings that cannot be used (see vars in dbt_project.yml):\n  - " ~ problems | join("\n  - ")) }}
    {% endif %}
{%- endmacro %}
