-- How deprived the area is where each person lives now: its fifth alone, in the schema that no feature may read. No
-- address, postcode or area leaves the identity zone.
create table audit.person_deprivation (
    person_key uuid not null,
    deprivation_quintile varchar not null
);
