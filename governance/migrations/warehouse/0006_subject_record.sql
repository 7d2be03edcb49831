-- Which records about another subject than the persons this hub is for are one person; apart from record_person, which
-- no such record is ever in.
create table identity_export.subject_record (
    subject varchar not null,
    record_key uuid not null,
    person_key uuid not null,
    known_from timestamp not null,
    known_to timestamp not null
);
