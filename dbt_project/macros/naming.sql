{# A model's schema and database are taken as written: a zone is one file, and there is one of each. #}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
