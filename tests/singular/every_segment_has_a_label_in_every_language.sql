-- A segment of the playbook that seed segment_labels does not name in English, French or another of its languages.
with languages as (
    select 'en' as language
    union
    select 'fr' as language
    union
    select language
    from {{ ref('segment_labels') }}
)

select
    playbook.segment_code,
    languages.language
from {{ ref('segment_playbook') }} as playbook
cross join languages
left join {{ ref('segment_labels') }} as labels
    on playbook.segment_code = labels.segment_code
    and languages.language = labels.language
where labels.name is null
