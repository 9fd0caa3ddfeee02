{% test as_expected(model) %}
    {#- Fails for each finding of data_quality that is not normal, with a sentence that says what to look for. -#}
    select
        raw_table || ', ' || column_name || ': ' || {{ with_thousands('found_rows') }} || ' of ' || {{ with_thousands('checked_rows') }}
            || ' rows'
            || coalesce(' (' || {{ percent('found_share', 2) }} || ', at most ' || {{ limit_text('maximum_share', "'share'", "'en'") }} || ' is normal)', '')
            || ', '
            || case check_name
                when 'rows' then 'because the file is empty'
                when 'rejected' then 'are refused: see staging.rejected_rows'
                when 'key' then 'have the key of another row'
                when 'duplicates' then 'repeat another row'
                when 'nulls' then 'have no value'
                when 'range' then
                    'are out of range; the values go from ' || coalesce(lowest_value, 'nothing') || ' to ' || coalesce(highest_value, 'nothing')
                when 'orphans' then 'are not in the table that they refer to'
                when 'sequence' then 'are before the event that they follow'
                when 'freshness' then 'are after the latest as-of date; the last is ' || coalesce(highest_value, 'nothing')
            end
            || '. Correct the file, or, if the data are like this, the limit in macro data_quality_checks.' as sentence
    from {{ model }}
    where is_as_expected is not true
{% endtest %}
