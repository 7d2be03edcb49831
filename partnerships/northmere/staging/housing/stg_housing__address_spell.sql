-- One row per address of a person of a homelessness case and version: the last settled home, which ended with the
-- application, and the temporary accommodation. Days are those on which housing recorded them.
with person as (
    select * from {{ versions(source('identity', 'housing__person')) }}
),

application as (
    select * from {{ versions(source('identity', 'housing__application')) }}
),

placement as (
    select * from {{ versions(source('identity', 'housing__temporary_accommodation')) }}
),

settled_home as (
    select
        person.record_key,
        nullif(trim(application.previouspostcode), '') as postcode,
        nullif(trim(application.uprn), '') as uprn,
        'home' as address_type,
        cast(null as date) as started_on,
        {{ local_date('application.known_from') }} as ended_on,
        {{ intersect_from('person', 'application') }} as known_from,
        {{ intersect_to('person', 'application') }} as known_to
    from person
    inner join application
        on person.caseid_key = application.record_key and {{ versions_overlap('person', 'application') }}
),

temporary as (
    select
        person.record_key,
        nullif(trim(placement.tapostcode), '') as postcode,
        cast(null as varchar) as uprn,
        -- Of a refuge the hub concludes no household, area or move: see models/linkage/sensitive.py.
        case placement.tatype when 'REFUGE' then 'refuge' else 'temporary' end as address_type,
        {{ local_date('placement.known_from') }} as started_on,
        cast(null as date) as ended_on,
        {{ intersect_from('person', 'placement') }} as known_from,
        {{ intersect_to('person', 'placement') }} as known_to
    from person
    inner join placement
        on person.caseid_key = placement.caseid_key and {{ versions_overlap('person', 'placement') }}
),

final as (
    select * from settled_home
    where postcode is not null or uprn is not null
    union all
    select * from temporary
    where postcode is not null
)

select * from final
