{#- What was known as of a date, and which dates and customers things are said of. -#}

{% macro counted_at() -%}
    {#- The moment from which an order counts, by var order_basis; null for one that never does. -#}
    {{ 'purchased_at' if setting('order_basis') == 'placed' else 'delivered_at' }}
{%- endmacro %}

{% macro as_of_dates(table, condition) -%}
    {#-
        The as-of dates of a table that meet a condition, for a test of a view: `as_of_date in …`. As constants they reach
        the tables behind the view; a query there would leave the view to compute all dates.
    -#}
    {%- set query = 'select as_of_date from ' ~ table ~ ' where ' ~ condition ~ ' order by as_of_date' -%}
    {%- if execute and flags.WHICH in ['build', 'test'] -%}
        {%- set days = first_values(query) -%}
        {{ return("(date '" ~ days | join("', date '") ~ "')" if days else '(null)') }}
    {%- else -%}
        {{ return('(' ~ query ~ ')') }}
    {%- endif -%}
{%- endmacro %}

{% macro state_at(timeline, since, until, moment) -%}
    {#-
        The state that each customer of a timeline (a CTE with one row per state) is in just before a moment of each period
        (a CTE with as_of_date): the one that began before it and has no successor before it.
    -#}
    select
        periods.as_of_date,
        {{ timeline }}.*
    from {{ timeline }}
    inner join periods
        on {{ timeline }}.{{ since }} < {{ moment }}
        and {{ timeline }}.{{ until }} >= {{ moment }}
{%- endmacro %}

{% macro state_in_window(timeline, since, until, months, amounts, others) -%}
    {#-
        The same just before each as-of date. With months, amounts are what came in so many calendar months before it: what there is
        at the end of the window less what there was at its start; others are as at the end.
    -#}
    {%- if not months -%}
    {{ state_at(timeline, since, until, 'periods.as_of_date') }}
    {%- else -%}
    select
        states.as_of_date,
        states.customer_unique_id,
        {%- for amount in amounts %}
        states.{{ amount }} - coalesce(before.{{ amount }}, 0) as {{ amount }},
        {%- endfor %}
        {%- for other in others %}
        states.{{ other }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from (
        {{ state_at(timeline, since, until, 'periods.as_of_date') }}
    ) as states
    left join (
        {{ state_at(timeline, since, until, 'periods.as_of_date - interval ' ~ months ~ ' month') }}
    ) as before
        on states.as_of_date = before.as_of_date
        and states.customer_unique_id = before.customer_unique_id
    {%- endif %}
{%- endmacro %}

{% macro reviews_so_far(orders, reviews) -%}
    {#-
        What the customers of a CTE of orders by as-of date (with is_last_of_customer) had said by then: a review that is answered
        on or after the date is not known yet.
    -#}
    select
        {{ orders }}.as_of_date,
        {{ orders }}.customer_unique_id,
        count(*) as reviews,
        count(case when {{ reviews }}.review_score <= 2 then 1 end) as bad_reviews,
        avg(case when {{ orders }}.is_last_of_customer then cast({{ reviews }}.review_score as double) end)
            as last_order_review_score
    from {{ orders }}
    inner join {{ reviews }}
        on {{ orders }}.order_id = {{ reviews }}.order_id
        and {{ reviews }}.review_answered_at < {{ orders }}.as_of_date
    group by {{ orders }}.as_of_date, {{ orders }}.customer_unique_id
{%- endmacro %}

{% macro known_cancelled(order_status, is_final_status_known) -%}
    {#-
        Whether an order was known to be cancelled. Olist has no time of cancellation, only the status at the
        extract: that is a fact for the latest as-of date, and the future for every earlier one.
    -#}
    ({{ is_final_status_known }} and {{ order_status }} = 'canceled')
{%- endmacro %}

{% macro is_measured(customer, shares) -%}
    {#- Whether a customer is among those measured at the date of a row of segmentation_work.period_inputs. -#}
    ({{ shares }}.halvings = 0 or md5({{ customer }}) < {{ shares }}.digest_below)
{%- endmacro %}

{% macro study_as_of_date() -%}
    {#-
        Date of the comparison of models, in a query on rows with as_of_date and is_segmentable, beside a CTE as_of_dates: the last segmentable first of
        a month that is a whole number of intervals after the first date; before there is one, the first segmentable date.
    -#}
    {%- set first = setting('first_as_of_date') -%}
    {%- set first_month -%}
    {%- if first is none -%}
    (select 12 * extract(year from min(as_of_date)) + extract(month from min(as_of_date)) from as_of_dates)
    {%- else -%}
    {{ 12 * first[:4] | int + first[5:7] | int }}
    {%- endif -%}
    {%- endset -%}
    {% if setting('study_as_of_date') is not none or setting('study', 'interval_months') is none -%}
        {{ described_as_of_date() }}
    {%- else -%}
        coalesce(
            max(
                case
                    when is_segmentable
                        and extract(day from as_of_date) = 1
                        and (
                            12 * extract(year from as_of_date) + extract(month from as_of_date)
                            - {{ first_month }}
                        ) % {{ setting('study', 'interval_months') }} = 0
                        then as_of_date
                end
            ) over (),
            min(case when is_segmentable then as_of_date end) over ()
        )
    {%- endif %}
{%- endmacro %}

{% macro described_as_of_date() -%}
    {#- Date as of which the segments are described, in the same query. -#}
    {%- set day = setting('study_as_of_date') -%}
    {%- set no_such_date -%}
        'Var study_as_of_date is {{ day }}, which is no segmentable date of marts.periods: name one, from '
        || min(case when is_segmentable then as_of_date end) over () || ' to '
        || max(case when is_segmentable then as_of_date end) over () || ', or null.'
    {%- endset -%}
    {% if day is none -%}
        max(case when is_segmentable then as_of_date end) over ()
    {%- else -%}
        case
            when count(case when is_segmentable then 1 end) over () > 0
                and count(case when is_segmentable and as_of_date = date '{{ day }}' then 1 end) over () = 0
                then {{ stop_with(no_such_date) }}
            else date '{{ day }}'
        end
    {%- endif %}
{%- endmacro %}

{% macro is_control(customer) -%}
    {#-
        Whether a customer is in the control group of campaigns: the digest of settings control_salt and the customer's number is
        among the lowest control_share of all digests, so that a person is on the same side in every build and campaign.
    -#}
    {%- set share = setting('outcomes', 'control_share') | float -%}
    {%- if share >= 1 -%}
    true
    {%- else -%}
    left(md5('{{ setting("outcomes", "control_salt") | replace("'", "''") }}:' || {{ customer }}), 8) < '{{ "%08x" | format((share * 4294967296) | round | int) }}'
    {%- endif -%}
{%- endmacro %}
