-- Refused rows as they were sent, until their retention ends. source_key_hash finds them again when they are corrected.
create table gate.quarantined_row (
    drop_id uuid not null,
    agency varchar not null,
    feed varchar not null,
    file_name varchar not null,
    row_no bigint not null,
    column_name varchar,
    rule varchar not null,
    reason varchar not null,
    source_key_hash uuid,
    row_as_sent varchar,
    quarantined_at timestamp not null,
    resolved_by_drop uuid
);
