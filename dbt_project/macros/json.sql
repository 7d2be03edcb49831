{# JSON held as text, behind names. #}

{# The items of a JSON array, one row each, as text; nothing for null. Use in a select list. #}
{% macro json_items(column) -%}
    unnest(cast(json_extract_string({{ column }}, '$[*]') as varchar[]))
{%- endmacro %}

{# The value of one key of a JSON object, as text. #}
{% macro json_value(column, key) -%}
    json_extract_string({{ column }}, '$.{{ key }}')
{%- endmacro %}
