-- One row per contact recorded at the front door and version: which agency it came from, and what became of it.
with source as (
    select * from {{ versions(source('warehouse', 'csc__contacts')) }}
),

renamed as (
    select
        record_key as source_record_key,
        cont_person_id_key as record_key,
        cont_contact_date as contact_on,
        -- Agencies that tell what they sent. Everybody else who is named here sent it otherwise.
        case
            when cont_contact_source_code = '6' then 'police'
            when cont_contact_source_code in ('2A', '2B') then 'education'
            when cont_contact_source_code = '3E' then 'acute_trust'
        end as sent_by,
        -- Typed in before anybody looked closely: not known, another individual, another organisation.
        coalesce(cont_contact_source_code in ('1D', '8', '10'), true) as is_source_open,
        case
            when {{ json_value('cont_contact_outcome_json', 'OUTCOME_NEW_REFERRAL_FLAG') }} = 'Y' then 'referral'
            when {{ json_value('cont_contact_outcome_json', 'OUTCOME_EXISTING_REFERRAL_FLAG') }} = 'Y' then 'open_referral'
            when {{ json_value('cont_contact_outcome_json', 'OUTCOME_EARLY_HELP_FLAG') }} = 'Y' then 'early_help'
            when {{ json_value('cont_contact_outcome_json', 'OUTCOME_ADVICE_FLAG') }} = 'Y' then 'advice'
            when {{ json_value('cont_contact_outcome_json', 'OUTCOME_NFA_FLAG') }} = 'Y' then 'no_further_action'
        end as outcome,
        extracted_at,
        row_no,
        known_from,
        known_to
    from source
),

final as (
    select
        renamed.source_record_key,
        renamed.record_key,
        feed.agency,
        feed.feed,
        renamed.contact_on,
        renamed.sent_by,
        renamed.is_source_open,
        renamed.outcome,
        renamed.extracted_at,
        renamed.row_no,
        renamed.known_from,
        renamed.known_to
    from renamed
    inner join {{ ref('feed') }} as feed on feed.agency = 'csc' and feed.feed = 'contacts'
    where renamed.record_key is not null
)

select * from final
