-- What has reached the end of its retention. The keys of a purge under way wait in purge_due until every zone has
-- deleted them, so that a killed one is finished by the next; what remains is the count, without any key.
create table gate.purge_due (
    agency varchar not null,
    feed varchar not null,
    record_key uuid not null
);
create table gate.purged (
    agency varchar not null,
    feed varchar not null,
    zone varchar not null,
    cutoff date not null,
    records bigint not null,
    rows bigint not null,
    purged_at timestamp not null
);
