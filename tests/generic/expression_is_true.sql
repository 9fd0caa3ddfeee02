{% test expression_is_true(model, expression) %}
    {#- Fails for each row for which the expression is false or null. -#}
    select *
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
