-- Who is who. person_id and household_id are opaque and never leave this zone: their keyed pseudonyms do.
create schema linkage;
create table linkage.person_assignment (
    record_key uuid not null,
    person_id varchar not null,
    known_from timestamp not null,
    known_to timestamp not null,
    link_basis varchar not null,
    reason varchar not null,
    run_id varchar not null
);
create table linkage.person_event (
    person_id varchar not null,
    event varchar not null,
    other_person_id varchar,
    happened_at timestamp not null,
    run_id varchar not null
);
create table linkage.person_redirect (
    person_id varchar primary key,
    to_person_id varchar not null,
    redirected_at timestamp not null
);
create table linkage.edge (
    record_key_l uuid not null,
    record_key_r uuid not null,
    kind varchar not null,
    rule varchar not null,
    match_weight double not null,
    adjusted_weight double not null,
    adjusted_by varchar,
    weights varchar
);
create table linkage.household_spell (
    person_id varchar not null,
    household_id varchar not null,
    started_on date not null,
    ended_on date,
    known_from timestamp not null,
    known_to timestamp not null
);
create table linkage.record_household (
    record_key uuid not null,
    household_id varchar not null,
    known_from timestamp not null,
    known_to timestamp not null
);
create table linkage.person_area (
    person_id varchar not null,
    area_team varchar not null,
    known_from timestamp not null,
    known_to timestamp not null
);
create table linkage.clerical_decision (
    decision_id varchar primary key,
    record_key_l uuid not null,
    record_key_r uuid not null,
    decision varchar not null,
    decided_by varchar not null,
    decided_at timestamp not null,
    reason varchar not null,
    expires_on date
);
