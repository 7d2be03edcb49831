-- Attributes that fairness is measured by live apart; no feature may read this schema.
create schema audit;
-- All that ever comes from the identity zone.
create schema identity_export;
create table identity_export.record_person (
    record_key uuid not null,
    person_key uuid not null,
    known_from timestamp not null,
    known_to timestamp not null,
    link_basis varchar not null
);
create table identity_export.record_household (
    record_key uuid not null,
    household_key uuid not null,
    known_from timestamp not null,
    known_to timestamp not null
);
create table identity_export.household_spell (
    person_key uuid not null,
    household_key uuid not null,
    started_on date not null,
    ended_on date,
    known_from timestamp not null,
    known_to timestamp not null
);
create table identity_export.person (
    person_key uuid not null,
    birth_month date,
    area_team varchar,
    sort_no bigint not null,
    known_from timestamp not null,
    known_to timestamp not null
);
create table identity_export.household (
    household_key uuid not null,
    sort_no bigint not null
);
