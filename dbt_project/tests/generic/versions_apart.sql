{# Fails when two versions of one key were known at the same time, or a version was known for no time. #}
{% test versions_apart(model, columns) %}
select *
from (
    select
        known_from,
        known_to,
        lead(known_from) over (partition by {{ columns | join(', ') }} order by known_from, known_to) as next_from
    from {{ model }}
) as version
where known_to <= known_from or next_from < known_to
{% endtest %}
