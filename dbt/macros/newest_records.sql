{# The newest row of each record of a raw table; in an incremental build only of records that are new or changed.

   Newest = by `versions`, the columns that order the rows of one record. A row that arrives late with an older
   version of a known record changes nothing. Rows land under one lock with a time that never goes back
   (dmat/landing.py), so only rows as new as the newest known one are looked at: those of its own moment again. #}

{% macro newest_records(raw_table, versions=['record_updated_at', '_loaded_at', 'payload_hash']) %}
    {%- set newest_first = versions | join(' desc, ') ~ ' desc' -%}
    {%- if is_incremental() %}
    {{ ranked_records('(' ~ unknown_records(raw_table, versions) ~ ')', newest_first) }}
    {%- else %}
    {{ once_a_record(raw_table, newest_first) }}
    {%- endif %}
{%- endmacro %}

{# For things that never change, such as events: the first row of each record, and none of those already known.
   `own`: which rows of the table come from this raw table, where others stand in it too. #}
{% macro first_records(raw_table, own='true') %}
    {%- set oldest_first = '_loaded_at, record_updated_at, payload_hash' -%}
    {%- if is_incremental() %}
    {{ ranked_records('(' ~ unknown_records(raw_table, [], own) ~ ')', oldest_first) }}
    {%- else %}
    {{ once_a_record(raw_table, oldest_first) }}
    {%- endif %}
{%- endmacro %}

{# Only records that come more than once are ranked: sorting a whole table of payloads would not fit in memory. #}
{% macro once_a_record(raw_table, ordering) %}
    with repeated as (
        select {{ quick_hash('counted.record_id') }} as id_hash
        from {{ raw_table }} as counted
        group by 1
        having count(*) > 1
    )

    select
        whole.*,
        1 as record_rank
    from {{ raw_table }} as whole
    where {{ quick_hash('whole.record_id') }} not in (select id_hash from repeated)
    union all
    {{ ranked_records(
        '(select several.* from ' ~ raw_table ~ ' as several where ' ~ quick_hash('several.record_id')
        ~ ' in (select id_hash from repeated))', ordering
    ) }}
{%- endmacro %}

{% macro ranked_records(rows, ordering) %}
    select ranked.*
    from (
        select
            candidates.*,
            row_number() over (partition by candidates.record_id order by {{ ordering }}) as record_rank
        from {{ rows }} as candidates
    ) as ranked
    where ranked.record_rank = 1
{%- endmacro %}

{# The ids come first and the rows after, so that only the payloads of those few are read and parsed. #}
{% macro unknown_records(raw_table, versions, own='true') %}
        select arrived.*
        from {{ raw_table }} as arrived
        where
            arrived._loaded_at >= {{ newest_load(raw_table, own) }}
            and arrived.record_id in (
                select candidate.record_id
                from {{ raw_table }} as candidate
                left join ({{ known_versions(raw_table, versions, own) }}) as known
                    on candidate.record_id = known.record_id
                where
                    candidate._loaded_at >= {{ newest_load(raw_table, own) }}
                    and (
                        known.record_id is null
                        {%- for version in versions %}
                        or (
                            {%- for equal in versions[:loop.index0] %}candidate.{{ equal }} = known.{{ equal }} and {% endfor -%}
                            candidate.{{ version }} > known.{{ version }}
                        )
                        {%- endfor %}
                    )
            )
{%- endmacro %}

{# What this table holds of the records that may be new; a few, so that its own millions are only passed over. #}
{% macro known_versions(raw_table, versions, own) -%}
    select own.record_id{% for version in versions %}, own.{{ version }}{% endfor %}
    from {{ own_rows() }} as own
    where
        own.record_id in (
            select latest.record_id from {{ raw_table }} as latest
            where latest._loaded_at >= {{ newest_load(raw_table, own) }}
        )
{%- endmacro %}

{# From when on rows are looked at: the moment of the newest known row, or just after it when this table holds as many
   rows of that moment as have landed in it, which are then the same (after a large import: millions). #}
{% macro newest_load(raw_table, own) -%}
    (
        select
            case
                when (select count(*) from {{ raw_table }} as landed where landed._loaded_at = newest.moment)
                    = (
                        select count(*) from {{ own_rows() }} as taken
                        where taken._loaded_at = newest.moment and {{ own }}
                    )
                    then {{ moment_after('newest.moment') }}
                else newest.moment
            end
        from (
            select coalesce(max(loaded._loaded_at), timestamp '1970-01-01') as moment from {{ own_rows() }} as loaded
        ) as newest
    )
{%- endmacro %}

{# The columns that every staging table carries from its raw row. #}
{% macro record_columns() -%}
    record_id, record_updated_at, payload_hash, _loaded_at, _run_id, {{ this_build() }} as _build
{%- endmacro %}

{# Raw rows with the store's own count of changes: many may happen at one moment of a clock that stands still. #}
{% macro revisions_of(raw_table) -%}
    select
        exported.*,
        coalesce({{ safe_cast(json_text('exported.payload', 'revision'), 'bigint') }}, 0) as revision
    from {{ raw_table }} as exported
{%- endmacro %}
