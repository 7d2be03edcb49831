-- The latest value sent by any agency. Kept in the audit schema, which no feature may read.
with attribute as (
    select * from {{ ref('canonical_person_attribute') }}
),

owner as (
    select * from {{ ref('int_record_owner') }} where person_key is not null
),

known as (
    {{ intersect_versions(
        left='attribute',
        right='owner',
        on=['record_key'],
        left_columns=['agency', 'attribute', 'value', 'known_from as sent_from'],
        right_columns=['person_key'],
    ) }}
),

latest as (
    select
        person_key,
        attribute,
        -- Two agencies may differ; the later word wins, then the agency's name, so that no order of rows matters.
        arg_max(value, (sent_from, agency, value)) as value
    from known
    where known_to = {{ open_end() }} and value is not null
    group by person_key, attribute
),

final as (
    select
        person_key,
        {%- for column, attribute in var('audit_attributes').items() %}
        max(value) filter (where attribute = '{{ attribute }}') as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from latest
    group by person_key
)

select * from final
