{#
    Pairs rows one to one, as a subquery with the columns left and right: within each pool the candidate pairs are
    taken in order, and a pair counts unless one of its two is already taken. `pairs` is a relation of candidate pairs;
    `pool` a column such that pairs of different pools share no row; `order` an expression that decides every tie.
#}
{% macro one_to_one(pairs, pool, left, right, order) -%}
(
    select
        unnest(taken.l) as {{ left }},
        unnest(taken.r) as {{ right }}
    from {{ taken_pairs(pairs, pool, left, right, order) }}
)
{%- endmacro %}

{#
    The same by two orders, of which each pool takes the first, unless the second leaves fewer without a partner.

    A worked example, notifications n1 (Monday), n2 (Wednesday) and contacts c1 (Wednesday), c2 (Friday), two days
    apart at most. By nearness n2-c1, and nothing is left for n1. In order of time n1-c1, n2-c2. Two are more than one,
    so that order is taken. Had only c1 been recorded, it would be n2-c1, the nearer of the two.
#}
{% macro one_to_one_of(pairs, pool, left, right, order, otherwise) -%}
(
    select
        unnest(chosen.taken.l) as {{ left }},
        unnest(chosen.taken.r) as {{ right }}
    from (
        select
            case
                when len(second.taken.l) > len(first.taken.l) then second.taken
                else first.taken
            end as taken
        from {{ taken_pairs(pairs, pool, left, right, order) }} as first
        inner join {{ taken_pairs(pairs, pool, left, right, otherwise) }} as second on first.pool = second.pool
    ) as chosen
)
{%- endmacro %}

{# Per pool what was taken, as two lists of equal length. #}
{% macro taken_pairs(pairs, pool, left, right, order) -%}
(
    select
        {{ pool }} as pool,
        list_reduce(
            list({'l': [{{ left }}], 'r': [{{ right }}]} order by {{ order }}),
            lambda sofar, pair: case
                when list_has_any(sofar.l, pair.l) or list_has_any(sofar.r, pair.r) then sofar
                else {'l': list_concat(sofar.l, pair.l), 'r': list_concat(sofar.r, pair.r)}
            end
        ) as taken
    from {{ pairs }}
    group by {{ pool }}
)
{%- endmacro %}
