{%- set cohort = var('cohort') %}
with week as (
    select * from {{ ref('int_week') }}
),

person as (
    select * from {{ source('identity_export', 'person') }}
),

{% if cohort.during %}
-- Someone is looked at while such an episode lasts; of several at once the one begun last says which team and peers.
spine as (
    select
        person.person_key,
        week.as_of_date,
        arg_max(episode.{{ cohort.during.area_team }}, (episode.started_on, episode.{{ cohort.during.peer_group }})) as area_team,
        person.sort_no,
        cast(null as integer) as age_months,
        arg_max(episode.{{ cohort.during.peer_group }}, (episode.started_on, episode.{{ cohort.during.peer_group }})) as peer_group
    from {{ ref('episode') }} as episode
    inner join week
        on
            {{ known_at('episode', 'week.cutoff') }}
            and episode.started_on <= week.as_of_date
            and (episode.ended_on is null or episode.ended_on > week.as_of_date)
    inner join person
        on episode.person_key = person.person_key and {{ known_at('person', 'week.cutoff') }}
    where episode.episode_type in {{ text_list(cohort.during.episodes) }}
    group by person.person_key, week.as_of_date, person.sort_no
),
{% else %}
-- A child's age and year group come from the month of birth: the day is not in this zone.
spine as (
    select
        person.person_key,
        week.as_of_date,
        person.area_team,
        person.sort_no,
        {{ months_between('person.birth_month', 'week.as_of_date') }} as age_months,
        -- Year group: 0 is the first school year, begun at four. The shift moves the school year onto the calendar year.
        year(week.as_of_date - interval '{{ cohort.school_year_starts_month - 1 }} months')
        - year(person.birth_month - interval '{{ cohort.school_year_starts_month - 1 }} months') - 5 as school_year
    from person
    inner join week on {{ known_at('person', 'week.cutoff') }}
    where
        -- Unborn children are rows (excluded, and counted), from a year before the month they are expected in.
        person.birth_month <= week.as_of_date + 365
        and {{ months_between('person.birth_month', 'week.as_of_date') }} <= {{ cohort.max_age_months }}
),

{% endif %}
seen as (
    select * from {{ ref('int_person_seen') }}
),

household as (
    select * from {{ ref('int_person_household') }}
),

exclusion as (
    select * from {{ ref('int_exclusion_week') }}
),

joined as (
    select
        spine.*,
        household.household_key,
        exclusion.reason,
        exclusion.routed_to,
        seen.person_key is not null as is_seen
    from spine
    left join exclusion
        on spine.person_key = exclusion.person_key and spine.as_of_date = exclusion.as_of_date
    left join household
        on
            spine.person_key = household.person_key
            and spine.as_of_date >= household.from_week
            and spine.as_of_date <= household.to_week
    left join seen
        on
            spine.person_key = seen.person_key
            and spine.as_of_date >= seen.from_week
            and spine.as_of_date <= seen.to_week
),

final as (
    select
        person_key,
        as_of_date,
        area_team,
        cast(age_months as integer) as age_months,
        {%- if cohort.during %}
        peer_group,
        {%- else %}
        case
            {%- for group in cohort.peer_groups %}
            when {{ 'age_months <= ' ~ group.max_age_months if group.max_age_months is defined else 'school_year <= ' ~ group.max_school_year }} then '{{ group.name }}'
            {%- endfor %}
        end as peer_group,
        {%- endif %}
        household_key,
        case
            when age_months < {{ cohort.min_age_months }} then 'unborn'
            when reason is not null then reason
            when area_team is null then 'not_resident'
            when not is_seen then 'not_seen'
        end as exclusion_reason,
        case when coalesce(age_months >= {{ cohort.min_age_months }}, true) then routed_to end as routed_to,
        sort_no
    from joined
)

select * from final
