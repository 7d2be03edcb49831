-- Whom a record may be about besides its own person: links that were too weak to join records. One such person a
-- record, the likeliest. It may excuse (a notification was perhaps recorded after all), and never adds to anyone's story.
create table identity_export.record_maybe_person (
    record_key uuid not null,
    person_key uuid not null
);
-- Contacts of the front door whose row the gate still holds: whom and what day, so that none of them counts as lost.
create table identity_export.held_contact (
    record_key uuid not null,
    contact_on date not null
);
