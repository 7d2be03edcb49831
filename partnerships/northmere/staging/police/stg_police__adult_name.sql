-- One row per police notification about an adult and version, with the name the officer heard. It reads no notification
-- about a child.
with source as (
    select * from {{ versions(source('identity', 'police__adult_notification')) }}
),

final as (
    select
        record_key,
        concat_ws(':', 'police', trim(apn_ref)) as own_id,
        nullif(trim(subject_forename), '') as forename,
        nullif(trim(subject_surname), '') as surname,
        {{ letters_of('subject_forename') }} as forename_letters,
        {{ letters_of('subject_surname') }} as surname_letters,
        subject_dob as birth_date,
        known_from,
        known_to
    from source
)

select * from final
