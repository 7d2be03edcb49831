-- One row per homelessness case, child in it and version. Facts of a case are kept for its children alone; an applicant
-- is one of them where the case says that a person of 16 or 17 applied.
with person as (
    select * from {{ versions(source('warehouse', 'housing__person')) }}
),

application as (
    select * from {{ versions(source('warehouse', 'housing__application')) }}
),

final as (
    select
        application.record_key as case_key,
        person.record_key,
        application.applicationdate,
        application.householdtype,
        application.reasonlosssettledhome,
        application.dutyowed,
        application.dutyenddate,
        application.dutyendreason,
        application.known_basis,
        application.extracted_at,
        {{ intersect_from('person', 'application') }} as known_from,
        {{ intersect_to('person', 'application') }} as known_to
    from application
    inner join person
        on application.record_key = person.caseid_key and {{ versions_overlap('person', 'application') }}
    where
        person.relationshiptoapplicant in ('CHILD', 'OTHER_CHILD')
        or (
            person.relationshiptoapplicant = 'APPLICANT'
            and list_contains(string_split(application.supportneeds, ';'), 'YP16')
        )
)

select * from final
