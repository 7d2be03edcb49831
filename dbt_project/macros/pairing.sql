{#
    Pairs rows one to one, as a subquery with the columns left and right: within each group the candidate pairs are
    taken in order, and a pair counts unless one of its two is already taken. Earliest first, where every left row may
    take rows of a window of its own day, leaves as few as possible without a partner.

    A worked example, notifications n1 (Monday), n2 (Tuesday) and contacts c1 (Tuesday), c2 (Thursday):

        n1-c1, n2-c1, n2-c2 in this order  ->  n1-c1, n2-c2

    `pairs` is a relation of candidate pairs; `group` a column: pairs of different groups share no row; `order` an
    expression that decides every tie.
#}
{% macro one_to_one(pairs, group, left, right, order) -%}
(
    select
        unnest(taken.l) as {{ left }},
        unnest(taken.r) as {{ right }}
    from (
        select
            list_reduce(
                list({'l': [{{ left }}], 'r': [{{ right }}]} order by {{ order }}),
                lambda sofar, pair: case
                    when list_has_any(sofar.l, pair.l) or list_has_any(sofar.r, pair.r) then sofar
                    else {'l': list_concat(sofar.l, pair.l), 'r': list_concat(sofar.r, pair.r)}
                end
            ) as taken
        from {{ pairs }}
        group by {{ group }}
    )
)
{%- endmacro %}
