select
    record_key,
    'alpha' as agency,
    'person' as feed,
    'sex' as attribute,
    sex as value,
    known_from,
    known_to
from {{ versions(source('audit', 'alpha__person')) }} as person
