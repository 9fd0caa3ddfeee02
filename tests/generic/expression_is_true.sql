{% test expression_is_true(model, expression, sentence=none) %}
    {#- Fails for each row for which the expression is false or null. The sentence, SQL that makes a text of a row, says what to do. -#}
    select
        *,
        {% if sentence is not none %}{{ sentence }} as sentence,{% endif %}
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
