-- The latest value sent by any agency; of deprivation, where none sends it, that of the area of the home. Kept in the
-- audit schema, which no feature may read.
with attribute as (
    select * from {{ ref('canonical_person_attribute') }}
),

owner as (
    select * from {{ ref('int_record_owner') }} where person_key is not null
),

deprivation as (
    select * from {{ source('audit', 'person_deprivation') }}
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

sent as (
    select
        person_key,
        attribute,
        -- Two agencies may differ; the later word wins, then the agency's name, so that no order of rows matters.
        arg_max(value, (sent_from, agency, value)) as value
    from known
    where known_to = {{ open_end() }} and value is not null
    group by person_key, attribute
),

looked_up as (
    select
        deprivation.person_key,
        'deprivation_quintile' as attribute,
        deprivation.deprivation_quintile as value
    from deprivation
    left join sent
        on deprivation.person_key = sent.person_key and sent.attribute = 'deprivation_quintile'
    where sent.person_key is null
),

latest as (
    select * from sent
    union all
    select * from looked_up
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
