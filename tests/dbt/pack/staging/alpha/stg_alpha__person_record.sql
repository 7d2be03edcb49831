select
    record_key,
    'alpha' as agency,
    'person' as feed,
    forename,
    surname,
    birth_date,
    null as sex,
    null as postcode,
    null as uprn,
    null as nhs_number,
    null as upn,
    null as local_id,
    false as professional,
    true as names_a_person,
    extracted_at,
    known_from,
    known_to
from {{ versions(source('identity', 'alpha__person')) }} as person
