{#
    Fails when two rows share the columns that make the grain. Rows are compared by a 64-bit hash, which is several
    times cheaper than comparing long keys; a chance collision among ten million rows is less likely than one in 10^5.
#}
{% test unique_grain(model, columns) %}
select hash({{ columns | join(', ') }}) as grain
from {{ model }}
group by grain
having count(*) > 1
{% endtest %}
