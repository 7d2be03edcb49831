-- One row per event of an attendance at an emergency department and version. One attendance may be several events: that
-- the child came, was injured (and not by accident), had harmed itself, left untreated, or that staff recorded a concern.
with source as (
    select * from {{ versions(source('warehouse', 'acute_trust__ed_attendance')) }}
    -- A planned follow-up is not a new attendance.
    where coalesce(attendancecategory, '1') <> '4'
),

attended as (
    select
        record_key,
        arrivaldatetime_on as occurred_on,
        arrivaldatetime as occurred_at,
        chiefcomplaintgroup,
        injuryintent,
        safeguardingconcern,
        leftbeforetreatment,
        -- Self-harm by complaint or by intent; SNOMED 276853009 is self-inflicted injury.
        coalesce(chiefcomplaintgroup = 'SELF_HARM', false) or coalesce(injuryintent = '276853009', false) as is_self_harm,
        known_from,
        known_to
    from source
),

events as (
    select
        *,
        'ed_attendance' as event_type,
        chiefcomplaintgroup as detail
    from attended

    union all

    select
        *,
        'ed_injury_attendance' as event_type,
        coalesce(injuryintent, chiefcomplaintgroup) as detail
    from attended
    where chiefcomplaintgroup in ('INJURY', 'ASSAULT') and not is_self_harm

    union all

    -- Nearly every injury is an accident, and an accident is nobody's concern. SNOMED 361269008: inflicted by another
    -- person, 269735005: not determined. An intent that was not recorded says nothing either way.
    select
        *,
        'ed_injury_not_accidental' as event_type,
        coalesce(injuryintent, chiefcomplaintgroup) as detail
    from attended
    where
        not is_self_harm
        and (chiefcomplaintgroup = 'ASSAULT' or injuryintent in ('361269008', '269735005'))
        and chiefcomplaintgroup in ('INJURY', 'ASSAULT')

    union all

    select
        *,
        'ed_self_harm_attendance' as event_type,
        chiefcomplaintgroup as detail
    from attended
    where is_self_harm

    union all

    select
        *,
        'ed_safeguarding_concern' as event_type,
        safeguardingconcern as detail
    from attended
    where nullif(trim(safeguardingconcern), '') is not null

    union all

    select
        *,
        'ed_left_before_treatment' as event_type,
        cast(null as varchar) as detail
    from attended
    where leftbeforetreatment = 'Y'
),

final as (
    select
        concat_ws(':', cast(events.record_key as varchar), events.event_type) as event_key,
        events.record_key as source_record_key,
        events.record_key,
        feed.agency,
        feed.feed,
        events.event_type,
        events.occurred_on,
        events.occurred_at,
        cast(1 as double) as value,
        events.detail,
        feed.release_default as release,
        events.known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'acute_trust' and feed.feed = 'ed_attendance'
)

select * from final
