-- How large each segment was at each as-of date, a column a segment.
select
    as_of_date,
    sum(customers) as customers,
    {%- for code in ['recent', 'lapsed', 'big', 'repeat'] %}
    round(sum(case when segment_code = '{{ code }}' then 100 * customer_share end), 1) as {{ code }}_percent
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from {{ ref('segment_profiles') }}
group by as_of_date
order by as_of_date
