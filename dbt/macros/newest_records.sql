{# The newest row of each record of a raw table; in an incremental build only of records that are new or changed.

   Newest = by `versions`, the columns that order the rows of one record. A row that arrives late with an older
   version of a known record changes nothing. The last day of loads is looked at again, because a long capture may
   land rows with an earlier time than a short one that finished before it. #}

{% macro newest_records(raw_table, versions=['record_updated_at', '_loaded_at', 'payload_hash']) %}
    {%- set newest_first = versions | join(' desc, ') ~ ' desc' -%}
    {%- if is_incremental() %}
    {{ ranked_records('(' ~ unknown_records(raw_table, versions) ~ ')', newest_first) }}
    {%- else %}
    {{ once_a_record(raw_table, newest_first) }}
    {%- endif %}
{%- endmacro %}

{# For things that never change, such as events: the first row of each record, and none of those already known. #}
{% macro first_records(raw_table) %}
    {%- set oldest_first = '_loaded_at, record_updated_at, payload_hash' -%}
    {%- if is_incremental() %}
    {{ ranked_records('(' ~ unknown_records(raw_table, []) ~ ')', oldest_first) }}
    {%- else %}
    {{ once_a_record(raw_table, oldest_first) }}
    {%- endif %}
{%- endmacro %}

{# Only records that come more than once are ranked: sorting a whole table of payloads would not fit in memory. #}
{% macro once_a_record(raw_table, ordering) %}
    select
        whole.*,
        1 as record_rank
    from {{ raw_table }} as whole
    where {{ quick_hash('whole.record_id') }} not in ({{ repeated_hashes(raw_table) }})
    union all
    {{ ranked_records(
        '(select repeated.* from ' ~ raw_table ~ ' as repeated where ' ~ quick_hash('repeated.record_id')
        ~ ' in (' ~ repeated_hashes(raw_table) ~ '))', ordering
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

{% macro repeated_hashes(raw_table) -%}
    select {{ quick_hash('counted.record_id') }} from {{ raw_table }} as counted group by 1 having count(*) > 1
{%- endmacro %}

{# The ids come first and the rows after, so that only the payloads of those few are read and parsed. #}
{% macro unknown_records(raw_table, versions) %}
        select arrived.*
        from {{ raw_table }} as arrived
        where
            arrived._loaded_at >= {{ look_back() }}
            and arrived.record_id in (
                select candidate.record_id
                from {{ raw_table }} as candidate
                left join {{ own_rows() }} as known on candidate.record_id = known.record_id
                where
                    candidate._loaded_at >= {{ look_back() }}
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

{% macro look_back() -%}
    (
        select coalesce(max(loaded._loaded_at), timestamp '1970-01-02') - interval '1 day'
        from {{ own_rows() }} as loaded
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
