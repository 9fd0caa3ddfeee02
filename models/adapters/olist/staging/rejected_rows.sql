{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

with refused_by_reader as (
    select
        file_name,
        record_number,
        cast(null as string) as row_key,
        reason,
        raw_text
    from {{ csv_rejects() }}
),

{% for file_name, (model, key) in staged_files().items() -%}
{{ model }}_rejected as (
    select
        '{{ file_name }}' as file_name,
        cast(null as bigint) as record_number,
        concat_ws(' + ', {{ key | join(', ') }}) as row_key,
        reject_reason as reason,
        raw_text
    from {{ ref(model) }}
    where reject_reason is not null
),

{% endfor -%}

final as (
    select * from refused_by_reader
    {% for model, _ in staged_files().values() -%}
    union all
    select * from {{ model }}_rejected
    {% endfor %}
)

select * from final
