{% materialization view, adapter='sparksession' %}
    {#- The catalogue is gone with the session: readers have files, so that a view is one, too. -#}
    {{ return(dbt.materialization_table_spark()) }}
{% endmaterialization %}
