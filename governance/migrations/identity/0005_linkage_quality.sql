-- What each night of linkage came to. Counts and shares alone: nothing here is about a person.
create table linkage.night (
    night timestamp primary key,
    run_id varchar not null,
    -- Hash of the model that was to link; null when it could not be used.
    model_digest varchar,
    -- Whether the persons of the night before were kept because this night's were not to be trusted.
    kept boolean not null,
    -- Why they were kept, or who let the night pass; empty on an ordinary night.
    why varchar not null,
    -- Distinct identities of the largest person.
    largest bigint not null
);
create table linkage.quality (
    night timestamp not null,
    measure varchar not null,
    -- Of what: a pair of agencies, a kind of edge, a group of people; 'all' where there is one figure.
    scope varchar not null,
    -- Null where too few people stand behind it to tell.
    value double,
    low double,
    high double,
    n bigint,
    primary key (night, measure, scope)
);
-- Who let a night's changes pass, or adopted a model. A sign-off counts once, for the first night it lets pass.
create table linkage.sign_off (
    signed_at timestamp not null,
    signed_by varchar not null,
    reason varchar not null,
    model_digest varchar not null,
    used_by_night timestamp
);
