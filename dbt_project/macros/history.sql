{#
    Rows of an initial history tell a whole story at once: when something started and, in the same row, how it ended.
    The gate can give such a row one moment only, that of its start, and read literally the end would have been known
    from the beginning. These macros put the end where it belongs. Rows received night by night need no such help:
    what they say was known when they came.

    A worked example, a row of the history of an assessment with a declared lag of one day:

        started_on  ended_on    known_from          ->  known_from          known_to           ended_on
        1 March     20 April    2 March 02:00           2 March 02:00       21 April 02:00     (null)
                                                        21 April 02:00      9999-12-31         20 April
#}

{#
    When (UTC) we knew what a row says of a later day. In a history row that is the day plus the row's own lag, which
    is what lies between `anchor` (the column the contract marks occurredOn) and known_from; never after the extract.
    Uses the columns known_basis, known_from and extracted_at of the row.
#}
{% macro learned_at(day, anchor) -%}
    case
        when known_basis = 'received' or {{ day }} is null or {{ anchor }} is null then known_from
        else greatest(
            known_from,
            least(extracted_at, cast({{ day }} as timestamp) + (known_from - cast({{ anchor }} as timestamp)))
        )
    end
{%- endmacro %}

{#
    Versions of spells, as a subquery: each row with an end becomes an open version, until its end was learned, and a
    closed one. `relation` has started_on, ended_on, outcome, open_outcome (what to say while it is open), known_basis,
    known_from, known_to, extracted_at and `columns`; the result has columns, started_on, ended_on, outcome,
    known_from, known_to.
#}
{% macro open_then_closed(relation, columns) -%}
(
    with learned as (
        select *, {{ learned_at('ended_on', 'started_on') }} as end_known_from
        from {{ relation }}
    ),

    phases as (
        select
            {{ columns | join(', ') }},
            started_on,
            cast(null as date) as ended_on,
            open_outcome as outcome,
            known_from,
            least(known_to, end_known_from) as known_to
        from learned
        where ended_on is not null

        union all

        select
            {{ columns | join(', ') }},
            started_on,
            ended_on,
            case when ended_on is null then open_outcome else outcome end as outcome,
            end_known_from as known_from,
            known_to
        from learned
    )

    select *
    from phases
    where known_from < known_to
)
{%- endmacro %}
