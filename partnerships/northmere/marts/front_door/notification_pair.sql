-- One row per notification, contact that may be its answer, and reason why it may be. In the order in which reasons are
-- tried (`place`):
--   same_child       a contact of this child from the agency that sent, in time
--   same_household   one of another child of the home, or of the home of another child in the same report
--   source_open      one of this child whose source is still open
--   maybe_child      one of the child this may be, by a link too weak to join records
--   not_recognised   the child is unnamed or known from this agency alone, or the contact's child is known from the
--                    front door's agency alone: a contact of a child of that age and area of whom the agency that sent
--                    tells nothing else in those days
--   recorded_late    one of this child from the agency that sent, too late
{%- set rule = var('front_door') %}
with day as (
    select calendar_date, working_day_no from {{ ref('working_day') }}
),

notification as (
    select
        sent.*,
        day.working_day_no as day_no
    from {{ ref('notification_sent') }} as sent
    inner join day on sent.sent_on = day.calendar_date
),

contact as (
    select
        recorded.*,
        day.working_day_no as day_no
    from {{ ref('contact_recorded') }} as recorded
    inner join day on recorded.contact_on = day.calendar_date
),

-- Homes a notification may be about: its child's, and those of the other children of the report.
home as (
    select notification_key, agency, sent_on, day_no, sent_no, household_key
    from notification
    where household_key is not null

    union

    select
        notification.notification_key,
        notification.agency,
        notification.sent_on,
        notification.day_no,
        notification.sent_no,
        other.household_key
    from notification
    inner join notification as other
        on notification.agency = other.agency and notification.report = other.report
    where other.household_key is not null
),

told_of as (
    select person_key, agency, occurred_on
    from {{ ref('event') }}
    where person_key is not null
),

recognised as (
    select distinct notification.notification_key
    from notification
    inner join told_of on notification.person_key = told_of.person_key and notification.agency <> told_of.agency
),

known_child as (
    select distinct contact.contact_key
    from contact
    inner join told_of on contact.person_key = told_of.person_key and contact.agency <> told_of.agency
),

-- A contact about a child of whom the agency tells something of the same days has its own reason.
with_reason as (
    select distinct contact.contact_key
    from contact
    inner join told_of
        on
            contact.person_key = told_of.person_key
            and contact.sent_by = told_of.agency
            and told_of.occurred_on between contact.contact_on - 4 and contact.contact_on
),

pairs as (
    select
        notification.notification_key,
        contact.contact_key,
        case
            when contact.sent_by is null then 'source_open'
            when contact.day_no - notification.day_no > {{ rule.lost_after_working_days }} then 'recorded_late'
            else 'same_child'
        end as basis,
        -- A contact whose source is open may be wanted by several agencies.
        case
            when contact.sent_by is null then cast(contact.person_key as varchar)
            else concat(contact.person_key, contact.sent_by)
        end as pool,
        notification.sent_no,
        contact.contact_no,
        abs(contact.contact_on - notification.sent_on) as apart,
        contact.day_no - notification.day_no as days
    from notification
    inner join contact on notification.person_key = contact.person_key
    where contact.sent_by = notification.agency or (contact.sent_by is null and contact.is_source_open)

    union all

    select
        home.notification_key,
        contact.contact_key,
        'same_household' as basis,
        home.agency as pool,
        home.sent_no,
        contact.contact_no,
        abs(contact.contact_on - home.sent_on) as apart,
        contact.day_no - home.day_no as days
    from home
    inner join contact on home.household_key = contact.household_key and home.agency = contact.sent_by

    union all

    select
        notification.notification_key,
        contact.contact_key,
        'maybe_child' as basis,
        notification.agency as pool,
        notification.sent_no,
        contact.contact_no,
        abs(contact.contact_on - notification.sent_on) as apart,
        contact.day_no - notification.day_no as days
    from notification
    inner join contact
        on notification.maybe_person_key = contact.person_key and notification.agency = contact.sent_by

    union all

    select
        notification.notification_key,
        contact.contact_key,
        'not_recognised' as basis,
        notification.agency as pool,
        notification.sent_no,
        contact.contact_no,
        abs(contact.contact_on - notification.sent_on) as apart,
        contact.day_no - notification.day_no as days
    from notification
    left join recognised on notification.notification_key = recognised.notification_key
    inner join contact
        on
            notification.agency = contact.sent_by
            and contact.day_no between notification.day_no - {{ rule.recorded_before_working_days }}
            and notification.day_no + {{ rule.lost_after_working_days }}
    left join known_child on contact.contact_key = known_child.contact_key
    anti join with_reason on contact.contact_key = with_reason.contact_key
    where
        (recognised.notification_key is null or known_child.contact_key is null)
        and coalesce(abs(notification.age_months - contact.age_months) <= notification.age_within_months, true)
        and coalesce(notification.area_team = contact.area_team, true)
),

final as (
    select
        notification_key,
        contact_key,
        basis,
        list_position(
            ['same_child', 'same_household', 'source_open', 'maybe_child', 'not_recognised', 'recorded_late'], basis
        ) as place,
        pool,
        sent_no,
        contact_no,
        apart,
        days
    from pairs
    where
        days >= -{{ rule.recorded_before_working_days }}
        and (
            days <= {{ rule.lost_after_working_days }}
            or (basis = 'recorded_late' and days <= {{ rule.late_within_working_days }})
        )
)

select * from final
