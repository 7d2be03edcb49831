{# A list of texts as SQL: ('a', 'b'). #}
{% macro text_list(values) -%}
    ({% for value in values %}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# One field of a list of declarations as an SQL list of texts, null where it is not declared. #}
{% macro text_items(declarations, field) -%}
    cast([{% for item in declarations %}{{ "'" ~ item[field] ~ "'" if item[field] is defined else 'null' }}{{ ', ' if not loop.last }}{% endfor %}] as varchar[])
{%- endmacro %}

{# A name as its letters alone, small and without accents, so that O'Neil and Oneil are one spelling. #}
{% macro letters_of(name) -%}
    regexp_replace(lower(strip_accents({{ name }})), '[^a-z]', '', 'g')
{%- endmacro %}
