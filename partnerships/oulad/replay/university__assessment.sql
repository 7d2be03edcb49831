-- A piece of work is told on the day it was handed in, with its mark: the files do not say when it was marked.
select
    work.id_student,
    work.id_assessment,
    presentation.starts_on + cast(work.date_submitted as integer) as date_submitted,
    work.is_banked,
    nullif(work.score, '?') as score,
    presentation.starts_on + cast(work.date_submitted as integer) as sent_on
from student_assessment as work
inner join code_assessment as assessment on work.id_assessment = assessment.code
inner join code_presentation as presentation on assessment.presentation = presentation.code
