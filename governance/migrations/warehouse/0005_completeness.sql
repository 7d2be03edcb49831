-- How full the columns are that identify a person or that an agreement promises: one row per column and loaded drop.
-- Counts only, made in the identity zone at night, so that trends outlive the rows themselves.
create schema if not exists quality;
create table quality.completeness (
    drop_id uuid not null,
    agency varchar not null,
    feed varchar not null,
    column_name varchar not null,
    rows bigint not null,
    filled bigint not null,
    primary key (drop_id, column_name)
);
