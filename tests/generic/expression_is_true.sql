{% test expression_is_true(model, expression, sentence=none, reads=none) %}
    {#-
        Fails for each row for which the expression is false or null. The sentence, SQL that makes a text of a row, says what to do.
        A seed that the expression looks something up in is named by reads, since dbt does not see it in an expression.
    -#}
    select
        *{% if sentence is not none %}, {{ sentence }} as sentence{% endif %}
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
