-- A delta that repeats what is already known leaves no version, only this mark, so that an older drop arriving
-- later cannot overrule what a newer one has confirmed.
create table gate.confirmed (
    agency varchar not null,
    feed varchar not null,
    record_key uuid not null,
    extracted_at timestamp not null,
    drop_id uuid not null
);
