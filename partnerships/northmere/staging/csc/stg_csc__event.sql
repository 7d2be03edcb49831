-- One row per event of children's social care and version.
with contacts as (
    select * from {{ versions(source('warehouse', 'csc__contacts')) }}
),

referrals as (
    select * from {{ versions(source('warehouse', 'csc__cin_episodes')) }}
),

assessments as (
    select * from {{ versions(source('warehouse', 'csc__cin_assessments')) }}
),

factors as (
    select * from {{ versions(source('warehouse', 'csc__assessment_factors')) }}
),

enquiries as (
    select * from {{ versions(source('warehouse', 'csc__s47_enquiry')) }}
),

conferences as (
    select * from {{ versions(source('warehouse', 'csc__initial_cp_conference')) }}
),

missing as (
    select * from {{ versions(source('warehouse', 'csc__missing')) }}
),

deaths as (
    select * from {{ versions(source('warehouse', 'csc__person')) }}
),

-- A contact whose source has a feed of its own passes on what that feed tells too (schools and education services,
-- health visitors and school nurses, the emergency department, housing, early help, the police): it is no news of
-- social care's own, and must not make one event look like the concern of two agencies.
contact as (
    select
        'contacts' as feed,
        case
            when cont_contact_source_code in ('2A', '2B', '3B', '3C', '3E', '4', '5D', '6') then 'csc_contact_passed_on'
            else 'csc_contact'
        end as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        cont_person_id_key as record_key,
        cont_contact_date as occurred_on,
        cont_contact_source_code as detail,
        known_from,
        known_to
    from contacts
),

referral as (
    select
        'cin_episodes' as feed,
        'csc_referral' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        cine_person_id_key as record_key,
        cine_referral_date as occurred_on,
        cine_referral_source_code as detail,
        known_from,
        known_to
    from referrals
),

-- Only an authorised assessment has a finding, and it is known from the day of authorisation, not of its start.
assessment_completed as (
    select
        'cin_assessments' as feed,
        'csc_assessment_completed' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        cina_person_id_key as record_key,
        cina_assessment_auth_date as occurred_on,
        case cina_assessment_outcome_nfa when 'N' then 'need_found' when 'Y' then 'no_need' end as detail,
        {{ learned_at('cina_assessment_auth_date', 'cina_assessment_start_date') }} as known_from,
        known_to
    from assessments
    where cina_assessment_auth_date is not null
),

factor as (
    select
        record_key,
        cinf_assessment_id_key,
        known_from,
        known_to,
        {{ json_items('cinf_assessment_factors_json') }} as code
    from factors
),

-- Factor 21 says that there was no factor: it is no event.
assessment_factor as (
    select distinct
        'assessment_factors' as feed,
        'csc_assessment_factor' as event_type,
        factor.record_key as source_record_key,
        factor.code as ordinal,
        assessment_completed.record_key,
        assessment_completed.occurred_on,
        factor.code as detail,
        {{ intersect_from('factor', 'assessment_completed') }} as known_from,
        {{ intersect_to('factor', 'assessment_completed') }} as known_to
    from factor
    inner join assessment_completed
        on
            factor.cinf_assessment_id_key = assessment_completed.source_record_key
            and {{ versions_overlap('factor', 'assessment_completed') }}
    where factor.code <> '21'
),

s47_started as (
    select
        's47_enquiry' as feed,
        'csc_s47_started' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        s47e_person_id_key as record_key,
        s47e_s47_start_date as occurred_on,
        cast(null as varchar) as detail,
        known_from,
        known_to
    from enquiries
),

conference as (
    select
        'initial_cp_conference' as feed,
        'csc_cp_conference' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        icpc_person_id_key as record_key,
        icpc_icpc_date as occurred_on,
        case icpc_icpc_outcome_cp_flag when 'Y' then 'plan' when 'N' then 'no_plan' end as detail,
        known_from,
        known_to
    from conferences
    where icpc_icpc_date is not null
),

missing_episode as (
    select
        'missing' as feed,
        'csc_missing_episode' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        miss_person_id_key as record_key,
        miss_missing_episode_start_date as occurred_on,
        miss_missing_episode_type as detail,
        known_from,
        known_to
    from missing
),

-- A person's row in a history is known from before anything else; a death is not known before it happened.
died as (
    select
        'person' as feed,
        'death_recorded' as event_type,
        record_key as source_record_key,
        cast(null as varchar) as ordinal,
        record_key,
        pers_death_date as occurred_on,
        cast(null as varchar) as detail,
        greatest(known_from, cast(pers_death_date as timestamp) + interval '2 hours') as known_from,
        known_to
    from deaths
    where pers_death_date is not null
),

events as (
    select * from contact
    union all
    select * from referral
    union all
    select * from assessment_completed
    union all
    select * from assessment_factor
    union all
    select * from s47_started
    union all
    select * from conference
    union all
    select * from missing_episode
    union all
    select * from died
),

final as (
    select
        concat_ws(':', cast(events.source_record_key as varchar), events.event_type, events.ordinal) as event_key,
        events.source_record_key,
        events.record_key,
        feed.agency,
        events.feed,
        events.event_type,
        events.occurred_on,
        cast(null as timestamp) as occurred_at,
        cast(1 as double) as value,
        events.detail,
        feed.release_default as release,
        events.known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'csc' and events.feed = feed.feed
    where events.record_key is not null and events.known_from < events.known_to
)

select * from final
