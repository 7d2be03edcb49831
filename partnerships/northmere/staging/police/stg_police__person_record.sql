-- One row per subject of a police notification, or missing child reported, and version. A subject without a first name
-- names nobody: it can be linked to a household only.
with notification as (
    select * from {{ versions(source('identity', 'police__ppn')) }}
),

missing as (
    select * from {{ versions(source('identity', 'police__missing')) }}
),

subjects as (
    select
        record_key,
        'ppn' as feed,
        concat_ws(chr(31), trim(ppn_ref), trim(subject_no)) as source_key,
        nullif(trim(subject_forename), '') as forename,
        nullif(trim(subject_surname), '') as surname,
        subject_dob as birth_date,
        subject_sex as sex,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(uprn), '') as uprn,
        nullif(trim(niche_nominal_id), '') as local_id,
        extracted_at,
        known_from,
        known_to
    from notification

    union all

    select
        record_key,
        'missing' as feed,
        trim(misper_ref) as source_key,
        nullif(trim(subject_forename), '') as forename,
        nullif(trim(subject_surname), '') as surname,
        subject_dob as birth_date,
        subject_sex as sex,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        nullif(trim(niche_nominal_id), '') as local_id,
        extracted_at,
        known_from,
        known_to
    from missing
),

final as (
    select
        record_key,
        'police' as agency,
        feed,
        source_key,
        forename,
        surname,
        birth_date,
        sex,
        postcode,
        uprn,
        cast(null as varchar) as nhs_number,
        cast(null as varchar) as upn,
        local_id,
        false as professional,
        -- Officers write a word where they have no name.
        coalesce(lower(forename) not in (
            'unknown', 'unk', 'not known', 'n/k', 'nk', 'unnamed', 'child', 'baby', 'male', 'female', 'boy', 'girl'
        ), false) as names_a_person,
        extracted_at,
        known_from,
        known_to
    from subjects
)

select * from final
