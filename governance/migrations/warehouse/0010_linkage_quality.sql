-- How good linkage was, night by night: aggregates alone, small groups not told. Gates of the model list read it.
create table identity_export.linkage_quality (
    night timestamp not null,
    measure varchar not null,
    scope varchar not null,
    value double,
    low double,
    high double,
    n bigint,
    primary key (night, measure, scope)
);
