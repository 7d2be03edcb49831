-- One row per contact recorded at the front door, as known at the run's instant, with whom it is about.
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

contact as (
    select version.*
    from {{ ref('canonical_front_door_contact') }} as version
    inner join clock on {{ known_at('version', 'clock.run_at') }}
),

person as (
    select version.record_key, version.person_key
    from {{ source('identity_export', 'record_person') }} as version
    inner join clock on {{ known_at('version', 'clock.run_at') }}
),

described as (
    select version.person_key, version.birth_month, version.area_team
    from {{ source('identity_export', 'person') }} as version
    inner join clock on {{ known_at('version', 'clock.run_at') }}
),

spell as (
    select version.*, household.sort_no
    from {{ source('identity_export', 'household_spell') }} as version
    inner join clock on {{ known_at('version', 'clock.run_at') }}
    inner join {{ source('identity_export', 'household') }} as household
        on version.household_key = household.household_key
),

about as (
    select
        contact.*,
        person.person_key,
        described.area_team,
        cast(datesub('month', described.birth_month, contact.contact_on) as integer) as age_months,
        spell.household_key
    from contact
    left join person on contact.record_key = person.record_key
    left join described on person.person_key = described.person_key
    left join spell on person.person_key = spell.person_key
    -- The home of that day; where none is known of that day, the one nearest to it.
    qualify row_number() over (
        partition by contact.source_record_key
        order by
            spell.started_on <= contact.contact_on
            and coalesce(spell.ended_on > contact.contact_on, true) desc nulls last,
            abs(spell.started_on - contact.contact_on) asc,
            spell.ended_on desc nulls first,
            spell.sort_no asc
    ) = 1
),

final as (
    select
        about.source_record_key as contact_key,
        about.agency,
        about.feed,
        about.sent_by,
        about.is_source_open,
        about.outcome,
        about.contact_on,
        about.person_key,
        about.household_key,
        about.age_months,
        about.area_team,
        about.known_from,
        row_number() over (order by about.contact_on, about.extracted_at, about.row_no) as contact_no
    from about
)

select * from final
