-- One row per notification about a child that was sent to the front door, as known at the run's instant, with whom it
-- is about. A child who is not named has at most a household.
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

notification as (
    select version.*
    from {{ ref('canonical_notification') }} as version
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

named_nobody as (
    select version.record_key, version.household_key
    from {{ source('identity_export', 'record_household') }} as version
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
        notification.*,
        person.person_key,
        described.area_team,
        cast(
            coalesce(datesub('month', described.birth_month, notification.sent_on), notification.stated_age * 12 + 6)
            as integer
        ) as age_months,
        -- 1 January is what is typed where only the year is guessed.
        case
            when described.birth_month is null or month(described.birth_month) = 1 then {{ var('front_door').age_within_months }}
            else 1
        end as age_within_months,
        coalesce(named_nobody.household_key, spell.household_key) as household_key
    from notification
    left join person on notification.record_key = person.record_key
    left join described on person.person_key = described.person_key
    left join named_nobody on notification.record_key = named_nobody.record_key
    left join spell on person.person_key = spell.person_key
    -- The home of that day; where none is known of that day, the one nearest to it.
    qualify row_number() over (
        partition by notification.source_record_key
        order by
            spell.started_on <= notification.sent_on
            and coalesce(spell.ended_on > notification.sent_on, true) desc nulls last,
            abs(spell.started_on - notification.sent_on) asc,
            spell.ended_on desc nulls first,
            spell.sort_no asc
    ) = 1
),

final as (
    select
        about.source_record_key as notification_key,
        about.agency,
        about.feed,
        about.kind,
        about.report,
        about.organisation,
        about.sent_on,
        about.sent_at,
        about.person_key,
        about.household_key,
        maybe.person_key as maybe_person_key,
        about.age_months,
        about.age_within_months,
        about.area_team,
        about.known_from,
        row_number() over (order by about.sent_on, about.sent_at, about.agency, about.extracted_at, about.row_no)
            as sent_no
    from about
    left join {{ source('identity_export', 'record_maybe_person') }} as maybe on about.record_key = maybe.record_key
)

select * from final
