-- One row per drop this zone has recorded. A drop counts only when every zone says is_complete.
create schema gate;
create table gate.drop_log (
    drop_id uuid primary key,
    agency varchar not null,
    feed varchar not null,
    file_name varchar not null,
    mode varchar not null,
    history boolean not null,
    extracted_at timestamp not null,
    received_at timestamp not null,
    rows_in bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    rows_unchanged bigint not null,
    columns_dropped bigint not null,
    sha256 varchar not null,
    is_complete boolean not null,
    status varchar not null,
    reason varchar
);
create schema raw;
