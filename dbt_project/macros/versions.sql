{#
    Versioned relations: every row says from when to when it was what we knew, [known_from, known_to).

    A worked example, one record sent twice and then withdrawn:

        extracted_at  known_from  is_deleted      ->  known_from  known_to
        Mon           Mon 20:00   false               Mon 20:00   Tue 20:00
        Tue           Tue 20:00   false               Tue 20:00   Thu 20:00
        Thu           Thu 20:00   true                (no version: a marker only closes)

    If Monday's extract had arrived last, on Friday, it would have been known for no time at all: Tuesday's extract
    is newer and was known before it. Rows that a newer full extract had already superseded when they arrived were
    never what we knew, and close nothing either.
#}

{#
    The versions of a raw table, as a subquery: its columns and known_to. A version ends at the earliest moment at
    which any later extract of the same record was known. Most records have one row, so only the others are ordered.
#}
{% macro versions(relation) -%}
(
    with repeated as (
        select record_key
        from {{ relation }}
        where not superseded_on_arrival
        group by record_key
        having count(*) > 1
    ),

    bounded as (
        select once.*, {{ open_end() }} as known_to
        from {{ relation }} as once
        where
            not once.superseded_on_arrival
            and once.record_key not in (select repeated.record_key from repeated)

        union all

        select
            again.*,
            coalesce(
                min(again.known_from) over (
                    partition by again.record_key
                    order by again.extracted_at, again.drop_id, again.row_no
                    rows between 1 following and unbounded following
                ),
                {{ open_end() }}
            ) as known_to
        from {{ relation }} as again
        where
            not again.superseded_on_arrival
            and again.record_key in (select repeated.record_key from repeated)
    )

    select *
    from bounded
    where not is_deleted and known_from < known_to
)
{%- endmacro %}

{# Whether the version under an alias was what we knew at an instant. #}
{% macro known_at(alias, instant) -%}
    ({{ alias }}.known_from <= {{ instant }} and {{ instant }} < {{ alias }}.known_to)
{%- endmacro %}

{# Whether two versions were ever known together. #}
{% macro versions_overlap(left, right) -%}
    ({{ left }}.known_from < {{ right }}.known_to and {{ right }}.known_from < {{ left }}.known_to)
{%- endmacro %}

{# From when several versions were known together. Arguments are aliases. #}
{% macro intersect_from() -%}
    greatest({% for alias in varargs %}{{ alias }}.known_from{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# Until when several versions were known together. Arguments are aliases. #}
{% macro intersect_to() -%}
    least({% for alias in varargs %}{{ alias }}.known_to{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#
    Joins two versioned relations as known together: a row for every pair of versions that were known at one time,
    for exactly that time. `on` lists shared columns, or conditions 'left_column = right_column'.
#}
{% macro intersect_versions(left, right, on, left_columns, right_columns) -%}
    select
        {%- for column in left_columns %}
        left_side.{{ column }},
        {%- endfor %}
        {%- for column in right_columns %}
        right_side.{{ column }},
        {%- endfor %}
        {{ intersect_from('left_side', 'right_side') }} as known_from,
        {{ intersect_to('left_side', 'right_side') }} as known_to
    from {{ left }} as left_side
    inner join {{ right }} as right_side
        on
        {%- for condition in on %}
        {%- set sides = condition.split('=') %}
        left_side.{{ sides[0] | trim }} = right_side.{{ sides[-1] | trim }} and
        {%- endfor %}
        {{ versions_overlap('left_side', 'right_side') }}
{%- endmacro %}

{#
    The elementary intervals of versioned relations, per key of the first of them: between two neighbouring bounds
    nothing about the key changed. Join each relation to it with known_at(<relation>, 'timeline.known_from').
#}
{% macro version_timeline(relations, key) -%}
(
    with bound as (
        {%- for relation in relations %}
        select {{ key }}, known_from as at_time from {{ relation }}
        union
        select {{ key }}, known_to as at_time from {{ relation }}
        {{ 'union' if not loop.last }}
        {%- endfor %}
    ),

    interval_ as (
        select
            {{ key }},
            at_time as known_from,
            lead(at_time) over (partition by {{ key }} order by at_time) as known_to
        from bound
    )

    select interval_.*
    from interval_
    where
        interval_.known_to is not null
        and exists (
            select 1
            from {{ relations[0] }} as spine
            where spine.{{ key }} = interval_.{{ key }} and {{ known_at('spine', 'interval_.known_from') }}
        )
)
{%- endmacro %}

{# Joins neighbouring versions that say the same: `columns` are all the columns that make a difference. #}
{% macro merge_versions(relation, columns) -%}
(
    with marked as (
        select
            {{ columns | join(', ') }},
            known_from,
            known_to,
            max(known_to) over (
                partition by {{ columns | join(', ') }}
                order by known_from, known_to
                rows between unbounded preceding and 1 preceding
            ) as known_before
        from {{ relation }}
    ),

    run as (
        select
            *,
            sum(case when known_before is null or known_before < known_from then 1 else 0 end) over (
                partition by {{ columns | join(', ') }}
                order by known_from, known_to
                rows between unbounded preceding and current row
            ) as run_no
        from marked
    )

    select
        {{ columns | join(', ') }},
        min(known_from) as known_from,
        max(known_to) as known_to
    from run
    group by {{ columns | join(', ') }}, run_no
)
{%- endmacro %}
