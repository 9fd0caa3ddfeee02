{% test not_empty(model) %}
    {#- Fails when the relation has no row at all. -#}
    select 'no rows' as problem
    where not exists (select 1 from {{ model }})
{% endtest %}
