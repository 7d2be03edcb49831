-- What people are asked about identity, and what their answers made of it. Record keys and opaque person ids alone:
-- a name is read from canonical.person_record, for one item, by somebody whose look is logged.
alter table linkage.clerical_decision add column item_id varchar;
-- One row a pair of persons that a person should look at, made anew every night; `since` lasts.
create table linkage.review_queue (
    item_id varchar primary key,
    kind varchar not null,
    record_key_l uuid not null,
    record_key_r uuid not null,
    person_id_l varchar not null,
    person_id_r varchar not null,
    since timestamp not null,
    value double not null,
    records_l integer not null,
    records_r integer not null,
    evidence varchar not null,
    reason varchar not null,
    match_weight double,
    adjusted_weight double,
    adjusted_by varchar
);
-- One row a cluster that keeps yesterday's persons because what people decided cannot all hold.
create table linkage.needs_attention (
    attention_id varchar primary key,
    reason_code varchar not null,
    reason varchar not null,
    person_ids varchar [] not null,
    record_keys varchar [] not null,
    since timestamp not null
);
