-- A registration is told when it is made, again when the student leaves, and again when the module's results are out.
-- A registration without a day is taken for one of the first day. A fail or a pass is known when the module ends.
with registration as (
    select
        registration.id_student,
        registration.code_module,
        registration.code_presentation,
        info.num_of_prev_attempts,
        info.studied_credits,
        info.final_result,
        presentation.ends_on,
        presentation.starts_on + coalesce(try_cast(registration.date_registration as integer), 0) as registered_on,
        presentation.starts_on + try_cast(registration.date_unregistration as integer) as left_on
    from student_registration as registration
    inner join student_info as info
        on
            registration.id_student = info.id_student
            and registration.code_module = info.code_module
            and registration.code_presentation = info.code_presentation
    inner join code_presentation as presentation
        on registration.code_module || ' ' || registration.code_presentation = presentation.code
),

told as (
    select
        *,
        registered_on as sent_on,
        cast(null as date) as left_then,
        cast(null as varchar) as result_then
    from registration

    union all

    select
        *,
        greatest(left_on, registered_on) as sent_on,
        left_on as left_then,
        cast(null as varchar) as result_then
    from registration
    where left_on is not null

    union all

    select
        *,
        greatest(ends_on, registered_on, left_on) as sent_on,
        left_on as left_then,
        final_result as result_then
    from registration
)

select
    id_student,
    code_module,
    code_presentation,
    registered_on as date_registration,
    left_then as date_unregistration,
    num_of_prev_attempts,
    studied_credits,
    result_then as final_result,
    sent_on
from told
-- Of what is told on one day the last stands.
qualify
    row_number() over (
        partition by id_student, code_module, code_presentation, sent_on order by result_then is null, left_then is null
    ) = 1
