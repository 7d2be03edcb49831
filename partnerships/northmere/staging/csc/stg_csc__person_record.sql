-- One row per person of children's social care and version: the person, the address then current, and the identifiers
-- that other tables of the same system hold.
with person as (
    select * from {{ versions(source('identity', 'csc__person')) }}
),

address as (
    select * from {{ ref('stg_csc__address_spell') }}
    where ended_on is null
),

pupil_number as (
    select
        send_person_id_key as record_key,
        record_key as row_key,
        nullif(trim(send_upn), '') as upn,
        known_from,
        known_to
    from {{ versions(source('identity', 'csc__send')) }}
),

other_number as (
    select
        link_person_id_key as record_key,
        record_key as row_key,
        link_identifier_type as kind,
        nullif(trim(link_identifier_value), '') as number,
        known_from,
        known_to
    from {{ versions(source('identity', 'csc__linked_identifiers')) }}
    where link_valid_to_date is null and link_identifier_type in ('Unique Pupil Number', 'NHS Number')
),

-- Between two neighbouring bounds nothing about the person changed.
timeline as (
    select * from {{ version_timeline(['person', 'address', 'pupil_number', 'other_number'], key='record_key') }}
),

address_then as (
    select
        timeline.record_key,
        timeline.known_from,
        address.postcode,
        address.uprn
    from timeline
    inner join address
        on timeline.record_key = address.record_key and {{ known_at('address', 'timeline.known_from') }}
    -- A home tells more about a household than a placement or a hostel; among homes the latest counts.
    qualify row_number() over (
        partition by timeline.record_key, timeline.known_from
        order by
            case address.address_type when 'home' then 1 when 'temporary' then 2 else 3 end asc,
            address.started_on desc nulls last,
            address.address_key asc
    ) = 1
),

pupil_number_then as (
    select
        timeline.record_key,
        timeline.known_from,
        arg_max(pupil_number.upn, pupil_number.known_from) as upn
    from timeline
    inner join pupil_number
        on timeline.record_key = pupil_number.record_key and {{ known_at('pupil_number', 'timeline.known_from') }}
    group by timeline.record_key, timeline.known_from
),

other_number_then as (
    select
        timeline.record_key,
        timeline.known_from,
        max(case when other_number.kind = 'Unique Pupil Number' then other_number.number end) as upn,
        max(case when other_number.kind = 'NHS Number' then other_number.number end) as nhs_number
    from timeline
    inner join other_number
        on timeline.record_key = other_number.record_key and {{ known_at('other_number', 'timeline.known_from') }}
    group by timeline.record_key, timeline.known_from
),

final as (
    select
        timeline.record_key,
        'csc' as agency,
        'person' as feed,
        trim(person.pers_person_id) as source_key,
        nullif(trim(person.pers_forename), '') as forename,
        nullif(trim(person.pers_surname), '') as surname,
        person.pers_dob as birth_date,
        person.pers_sex as sex,
        address_then.postcode,
        address_then.uprn,
        coalesce(nullif(trim(person.pers_common_child_id), ''), other_number_then.nhs_number) as nhs_number,
        coalesce(pupil_number_then.upn, other_number_then.upn) as upn,
        trim(person.pers_person_id) as local_id,
        false as professional,
        true as names_a_person,
        person.extracted_at,
        timeline.known_from,
        timeline.known_to
    from timeline
    inner join person
        on timeline.record_key = person.record_key and {{ known_at('person', 'timeline.known_from') }}
    left join address_then
        on timeline.record_key = address_then.record_key and timeline.known_from = address_then.known_from
    left join pupil_number_then
        on timeline.record_key = pupil_number_then.record_key and timeline.known_from = pupil_number_then.known_from
    left join other_number_then
        on timeline.record_key = other_number_then.record_key and timeline.known_from = other_number_then.known_from
)

select * from final
