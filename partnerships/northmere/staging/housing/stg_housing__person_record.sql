-- One row per person of a homelessness case, or dwelling of a tenancy notice, and version. A notice names nobody: it can
-- be linked to a household only.
with person as (
    select * from {{ versions(source('identity', 'housing__person')) }}
),

application as (
    select * from {{ versions(source('identity', 'housing__application')) }}
),

notice as (
    select * from {{ versions(source('identity', 'housing__tenancy_notice')) }}
),

-- The case holds the address of its people.
application_of_person as (
    select
        person.record_key,
        nullif(trim(application.previouspostcode), '') as postcode,
        nullif(trim(application.uprn), '') as uprn,
        application.known_from,
        application.known_to
    from person
    inner join application on person.caseid_key = application.record_key
    group by all
),

timeline as (
    select * from {{ version_timeline(['person', 'application_of_person'], key='record_key') }}
),

final as (
    select
        person.record_key,
        'housing' as agency,
        'person' as feed,
        concat_ws(chr(31), trim(person.caseid), trim(person.personno)) as source_key,
        nullif(trim(person.personforename), '') as forename,
        nullif(trim(person.personsurname), '') as surname,
        person.persondob as birth_date,
        person.personsex as sex,
        application_of_person.postcode,
        application_of_person.uprn,
        cast(null as varchar) as nhs_number,
        cast(null as varchar) as upn,
        cast(null as varchar) as local_id,
        false as professional,
        nullif(trim(person.personforename), '') is not null as names_a_person,
        person.extracted_at,
        timeline.known_from,
        timeline.known_to
    from timeline
    inner join person
        on timeline.record_key = person.record_key and {{ known_at('person', 'timeline.known_from') }}
    left join application_of_person
        on
            timeline.record_key = application_of_person.record_key
            and {{ known_at('application_of_person', 'timeline.known_from') }}

    union all

    select
        record_key,
        'housing' as agency,
        'tenancy_notice' as feed,
        trim(noticeid) as source_key,
        cast(null as varchar) as forename,
        cast(null as varchar) as surname,
        cast(null as date) as birth_date,
        cast(null as varchar) as sex,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(uprn), '') as uprn,
        cast(null as varchar) as nhs_number,
        cast(null as varchar) as upn,
        cast(null as varchar) as local_id,
        false as professional,
        false as names_a_person,
        extracted_at,
        known_from,
        known_to
    from notice
)

select * from final
