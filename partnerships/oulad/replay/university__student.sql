-- What is known of a student, told with each module the student takes. The newest of a day stands for the day.
with told as (
    select
        info.*,
        presentation.starts_on + coalesce(try_cast(registration.date_registration as integer), 0) as sent_on
    from student_info as info
    inner join student_registration as registration
        on
            info.id_student = registration.id_student
            and info.code_module = registration.code_module
            and info.code_presentation = registration.code_presentation
    inner join code_presentation as presentation
        on info.code_module || ' ' || info.code_presentation = presentation.code
)

select
    id_student,
    gender,
    age_band,
    region,
    highest_education,
    nullif(imd_band, '?') as imd_band,
    disability,
    sent_on
from told
qualify row_number() over (partition by id_student, sent_on order by code_presentation desc, code_module asc) = 1
