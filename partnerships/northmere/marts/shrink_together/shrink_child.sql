-- One row per child who has work open with somebody, repeated contacts, or was asked the same things again: as things
-- stood on the last day of the quarter, as known at the run.
{%- set rule = var('shrink_together') %}
with quarter as (
    select * from {{ ref('reporting_quarter') }}
),

child as (
    select
        person.person_key,
        person.area_team
    from {{ ref('person') }} as person
    cross join quarter
    where
        person.is_current
        and person.area_team is not null
        and person.birth_month + interval '18 years' > quarter.ends_on
),

held as (
    select
        person_key,
        count(*) as agencies_open
    from {{ ref('open_work') }}
    group by person_key
),

led as (
    select distinct fact.person_key
    from {{ ref('episode') }} as fact
    inner join quarter
        on
            {{ known_at('fact', 'quarter.run_at') }}
            and fact.started_on <= quarter.ends_on
            and coalesce(fact.ended_on > quarter.ends_on, true)
    where fact.episode_type in {{ text_list(rule.led_by) }}
),

repeated as (
    select
        contact.person_key,
        count(*) as contacts_without_action
    from {{ ref('contact_recorded') }} as contact
    inner join quarter
        on
            contact.contact_on > quarter.ends_on - {{ rule.repeated_contacts.within_days }}
            and contact.contact_on <= quarter.ends_on
    where contact.outcome in {{ text_list(rule.repeated_contacts.outcomes) }}
    group by contact.person_key
),

asked as (
    select
        fact.person_key,
        fact.agency,
        fact.occurred_on
    from {{ ref('event') }} as fact
    inner join quarter
        on
            {{ known_at('fact', 'quarter.run_at') }}
            and fact.occurred_on between quarter.starts_on - {{ rule.asked_again.within_days }} and quarter.ends_on
    where fact.event_type in {{ text_list(rule.asked_again.events) }} and fact.person_key is not null
),

asked_again as (
    select distinct later.person_key
    from asked as later
    inner join quarter on later.occurred_on >= quarter.starts_on
    inner join asked as earlier
        on
            later.person_key = earlier.person_key
            and later.agency <> earlier.agency
            and earlier.occurred_on between later.occurred_on - {{ rule.asked_again.within_days }} and later.occurred_on
),

final as (
    select
        child.person_key,
        child.area_team,
        coalesce(held.agencies_open, 0) as agencies_open,
        led.person_key is not null as is_led,
        coalesce(held.agencies_open >= {{ rule.at_least_agencies }}, false) and led.person_key is null as nobody_leads,
        coalesce(repeated.contacts_without_action, 0) as contacts_without_action,
        coalesce(repeated.contacts_without_action >= {{ rule.repeated_contacts.at_least }}, false)
            as has_repeated_contacts,
        asked_again.person_key is not null as was_asked_again
    from child
    left join held on child.person_key = held.person_key
    left join led on child.person_key = led.person_key
    left join repeated on child.person_key = repeated.person_key
    left join asked_again on child.person_key = asked_again.person_key
    where held.person_key is not null or repeated.person_key is not null or asked_again.person_key is not null
)

select * from final
