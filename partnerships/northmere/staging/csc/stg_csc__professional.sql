-- One row per professional named in social care records and version.
with source as (
    select * from {{ versions(source('identity', 'csc__professionals')) }}
),

final as (
    select
        record_key,
        trim(prof_professional_name) as name,
        nullif(trim(prof_professional_job_title), '') as role,
        nullif(trim(prof_professional_department), '') as organisation,
        known_from,
        known_to
    from source
)

select * from final
