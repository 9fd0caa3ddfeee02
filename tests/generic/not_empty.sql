{% test not_empty(model) %}
    {#- Fails when the relation has no row at all. -#}
    select '{{ model.identifier }} has no row: see staging.raw_loads and staging.rejected_rows for what became of the raw file''s rows' as sentence
    where not exists (select 1 from {{ model }})
{% endtest %}
