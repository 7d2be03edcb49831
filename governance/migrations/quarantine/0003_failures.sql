-- Every rule a row failed (JSON list of column and rule); column_name, rule and reason above name the first.
alter table gate.quarantined_row add column failures varchar;
-- Code sets under which the held rows of a feed were last tried again.
create table gate.retried (
    agency varchar not null,
    feed varchar not null,
    code_sets varchar not null
);
