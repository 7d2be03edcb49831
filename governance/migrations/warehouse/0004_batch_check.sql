-- What each expectation said of each drop: counts alone, no value of any row. Written with the drop, undone with it.
create schema quality;
create table quality.batch_check (
    drop_id uuid not null,
    agency varchar not null,
    feed varchar not null,
    received_at timestamp not null,
    expectation varchar not null,
    -- Empty for a rule about the whole table.
    column_name varchar not null,
    -- row: rows of the drop; standing: all current rows after the sweep; volume; schema.
    scope varchar not null,
    severity varchar not null,
    passed boolean not null,
    -- Rows the rule applied to, and how many broke it; null where the rule could not be asked.
    checked bigint,
    unexpected bigint,
    -- Share that must keep the rule, or the count expected by a volume check.
    promised double,
    primary key (drop_id, expectation, column_name)
);
