-- Segments of the playbook and languages whose bands of days since the last order in seed segment_actions leave a day
-- out, or hold one twice.
with languages as (
    select 'en' as language
    union
    select 'fr' as language
    union
    select language
    from {{ ref('segment_labels') }}
),

expected as (
    select
        playbook.segment_code,
        languages.language
    from {{ ref('segment_playbook') }} as playbook
    cross join languages
),

bands as (
    select
        segment_code,
        language,
        coalesce(minimum_recency_days, 0) as begins,
        maximum_recency_days as ends,
        lag(maximum_recency_days) over (
            partition by segment_code, language order by coalesce(minimum_recency_days, 0)
        ) as previous_ends,
        row_number() over (partition by segment_code, language order by coalesce(minimum_recency_days, 0)) as place,
        count(*) over (partition by segment_code, language) as bands
    from {{ ref('segment_actions') }}
),

problems as (
    select
        segment_code,
        language
    from bands
    where
        begins is distinct from case when place = 1 then 0 else previous_ends end
        or (ends is null) != (place = bands)
        or coalesce(ends <= begins, false)
    union
    select
        expected.segment_code,
        expected.language
    from expected
    left join bands
        on expected.segment_code = bands.segment_code
        and expected.language = bands.language
    where bands.segment_code is null
)

select
    segment_code,
    language,
    'Seed segment_actions: the bands of days of segment ' || segment_code || ' in language ' || language
    || ' must follow each other from 0 without a gap, and the last must have no end.' as sentence
from problems
