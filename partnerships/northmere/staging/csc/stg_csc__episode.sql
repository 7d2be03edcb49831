-- One row per spell of children's social care and version: referral, assessment, plans, care, enquiry, missing episode
-- and the involvement of a professional.
with referral as (
    select
        'cin_episodes' as feed,
        'referral' as episode_type,
        record_key as source_record_key,
        cine_person_id_key as record_key,
        cine_referral_date as started_on,
        -- A referral that ended with no further action was never an open case.
        coalesce(cine_close_date, case when cine_referral_nfa = 'Y' then cine_referral_date end) as ended_on,
        coalesce(cine_close_reason, case when cine_referral_nfa = 'Y' then 'NFA' end) as outcome,
        cast(null as varchar) as open_outcome,
        'statutory' as plan_level,
        cine_referral_team as team,
        cine_referral_worker_id_key as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__cin_episodes')) }}
),

assessment as (
    select
        'cin_assessments' as feed,
        'assessment' as episode_type,
        record_key as source_record_key,
        cina_person_id_key as record_key,
        cina_assessment_start_date as started_on,
        cina_assessment_auth_date as ended_on,
        case cina_assessment_outcome_nfa when 'N' then 'need_found' when 'Y' then 'no_need' end as outcome,
        cast(null as varchar) as open_outcome,
        'statutory' as plan_level,
        cina_assessment_team as team,
        cina_assessment_worker_id_key as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__cin_assessments')) }}
),

cin_plan as (
    select
        'cin_plans' as feed,
        'cin_plan' as episode_type,
        record_key as source_record_key,
        cinp_person_id_key as record_key,
        cinp_cin_plan_start_date as started_on,
        cinp_cin_plan_end_date as ended_on,
        cast(null as varchar) as outcome,
        cast(null as varchar) as open_outcome,
        'family_help_s17' as plan_level,
        cinp_cin_plan_team as team,
        cinp_cin_plan_worker_id_key as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__cin_plans')) }}
),

cp_plan as (
    select
        'cp_plans' as feed,
        'cp_plan' as episode_type,
        record_key as source_record_key,
        cppl_person_id_key as record_key,
        cppl_cp_plan_start_date as started_on,
        cppl_cp_plan_end_date as ended_on,
        coalesce(cppl_cp_plan_latest_category, cppl_cp_plan_initial_category) as outcome,
        cppl_cp_plan_initial_category as open_outcome,
        'child_protection' as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__cp_plans')) }}
),

cla as (
    select
        'cla_episodes' as feed,
        'cla' as episode_type,
        record_key as source_record_key,
        clae_person_id_key as record_key,
        clae_cla_episode_start_date as started_on,
        clae_cla_episode_ceased_date as ended_on,
        clae_cla_episode_ceased_reason as outcome,
        cast(null as varchar) as open_outcome,
        'looked_after' as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__cla_episodes')) }}
),

s47 as (
    select
        's47_enquiry' as feed,
        's47' as episode_type,
        record_key as source_record_key,
        s47e_person_id_key as record_key,
        s47e_s47_start_date as started_on,
        s47e_s47_end_date as ended_on,
        case s47e_s47_nfa when 'Y' then 'NFA' when 'N' then 'further_action' end as outcome,
        cast(null as varchar) as open_outcome,
        'child_protection' as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__s47_enquiry')) }}
),

missing as (
    select
        'missing' as feed,
        'missing' as episode_type,
        record_key as source_record_key,
        miss_person_id_key as record_key,
        miss_missing_episode_start_date as started_on,
        miss_missing_episode_end_date as ended_on,
        case miss_missing_rhi_accepted when 'Y' then 'interview_taken_up' end as outcome,
        cast(null as varchar) as open_outcome,
        cast(null as varchar) as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        cast(null as varchar) as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__missing')) }}
),

involvement as (
    select
        'involvements' as feed,
        'involvement' as episode_type,
        record_key as source_record_key,
        invo_person_id_key as record_key,
        invo_involvement_start_date as started_on,
        invo_involvement_end_date as ended_on,
        cast(null as varchar) as outcome,
        cast(null as varchar) as open_outcome,
        cast(null as varchar) as plan_level,
        invo_professional_team as team,
        invo_professional_id_key as worker_record_key,
        invo_professional_role_id as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'csc__involvements')) }}
),

spells as (
    select * from referral
    union all
    select * from assessment
    union all
    select * from cin_plan
    union all
    select * from cp_plan
    union all
    select * from cla
    union all
    select * from s47
    union all
    select * from missing
    union all
    select * from involvement
),

phases as (
    select *
    from {{ open_then_closed('spells', [
        'feed', 'episode_type', 'source_record_key', 'record_key', 'plan_level', 'team', 'worker_record_key',
        'organisation',
    ]) }}
),

final as (
    select
        concat_ws(':', cast(phases.source_record_key as varchar), phases.episode_type) as episode_key,
        phases.source_record_key,
        phases.record_key,
        feed.agency,
        phases.feed,
        phases.episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        phases.plan_level,
        phases.team,
        phases.worker_record_key,
        phases.organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'csc' and phases.feed = feed.feed
    where phases.record_key is not null
)

select * from final
