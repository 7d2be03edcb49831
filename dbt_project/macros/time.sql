{# Time, behind names: the only place where SQL of one dialect is written for it. #}

{# The open end of a version. A real instant keeps joins free of nulls. #}
{% macro open_end() -%}
    timestamp '9999-12-31 00:00:00'
{%- endmacro %}

{#
    The instant (UTC, without zone) up to which things may be known for an as-of date: 02:00 local time on the day
    after it. In winter that is 02:00 UTC, in British Summer Time 01:00 UTC.
#}
{% macro knowledge_cutoff(as_of_date) -%}
    timezone(
        'UTC',
        timezone('{{ var("local_timezone") }}', cast({{ as_of_date }} as timestamp) + interval '1 day' + interval '2 hours')
    )
{%- endmacro %}

{# The local date of a UTC instant. #}
{% macro local_date(instant) -%}
    cast(timezone('{{ var("local_timezone") }}', timezone('UTC', {{ instant }})) as date)
{%- endmacro %}

{# The first Sunday on or after a date. #}
{% macro sunday_on_or_after(day) -%}
    (cast(date_trunc('week', cast({{ day }} as date)) as date) + 6)
{%- endmacro %}

{# The last Sunday on or before a date. #}
{% macro sunday_on_or_before(day) -%}
    (cast(date_trunc('week', cast({{ day }} as date) + 1) as date) - 1)
{%- endmacro %}

{#
    The first Sunday whose knowledge cut-off is not before an instant: what was learned at that instant is first known
    in that week. Local midnight arithmetic is safe because clocks change on Sundays, never between Monday 00:00 and 02:00.
#}
{% macro first_week_knowing(instant) -%}
    (
        cast(date_trunc(
            'week',
            timezone('{{ var("local_timezone") }}', timezone('UTC', {{ instant }}))
            - interval '2 hours' - interval '1 microsecond'
        ) as date) + 6
    )
{%- endmacro %}

{# Whole months between two first days of months. #}
{% macro months_between(earlier, later) -%}
    (
        (year({{ later }}) - year({{ earlier }})) * 12
        + (month({{ later }}) - month({{ earlier }}))
    )
{%- endmacro %}

{#
    The instant of the run as one row, run_at (UTC): HUB_RUN_AT where the pipeline sets it, else the last delivery.
    The machine's clock is never asked, so the same drops give the same marts whenever they are built.
#}
{% macro run_clock(deliveries) -%}
    {%- set run_at = env_var('HUB_RUN_AT', '') -%}
    {%- if run_at %}
    select cast('{{ run_at }}' as timestamp) as run_at
    {%- else %}
    select max(received_at) as run_at from {{ deliveries }}
    {%- endif %}
{%- endmacro %}

{# The last Sunday a list could be made for: HUB_AS_OF where the pipeline sets it, else from the run's clock. #}
{% macro last_as_of(run_at) -%}
    {%- set as_of = env_var('HUB_AS_OF', '') -%}
    {%- if as_of -%}
    cast('{{ as_of }}' as date)
    {%- else -%}
    {{ sunday_on_or_before(local_date(run_at)) }}
    {%- endif -%}
{%- endmacro %}

{# Every seventh day between two dates, as a list. #}
{% macro week_list(first, last) -%}
    generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '7 days')
{%- endmacro %}

{#
    The first Sunday of history as one row, first_week: declared by the partnership, else the one by which half of the
    feeds had begun. One feed alone may reach far back, with what was open when history began.
#}
{% macro history_start(events) -%}
    {%- if var('history_from') %}
    select {{ sunday_on_or_after("date '" ~ var('history_from') ~ "'") }} as first_week
    {%- else %}
    select {{ sunday_on_or_after('quantile_disc(began_on, 0.5)') }} as first_week
    from (select min(occurred_on) as began_on from {{ events }} group by agency, feed) as begun
    {%- endif %}
{%- endmacro %}
