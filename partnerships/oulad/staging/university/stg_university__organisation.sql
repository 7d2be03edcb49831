-- One row per module and presentation; from the code list, known from the first registration on.
with registration as (
    select
        code_module || ' ' || code_presentation as organisation,
        min(known_from) as known_from
    from {{ versions(source('warehouse', 'university__registration')) }}
    group by all
),

final as (
    select
        registration.organisation,
        presentation.label as name,
        cast(null as varchar) as phase,
        'university' as agency,
        'registration' as feed,
        registration.known_from,
        {{ open_end() }} as known_to
    from registration
    inner join {{ ref('code_presentation') }} as presentation on registration.organisation = presentation.code
)

select * from final
