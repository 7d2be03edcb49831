{# A list of texts as SQL: ('a', 'b'). #}
{% macro text_list(values) -%}
    ({% for value in values %}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
