-- source_freshness lists each raw table of records that has rows, and counts all of its rows.
with counted as (
    {%- for table in raw_record_tables() %}
    select
        '{{ table }}' as raw_table,
        count(*) as rows_count
    from {{ source('raw', table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select counted.raw_table
from counted
left join {{ ref('source_freshness') }} as freshness
    on counted.raw_table = freshness.source || '_' || freshness.resource
where counted.rows_count > 0 and (freshness.rows_count is null or freshness.rows_count <> counted.rows_count)
