{{ config(materialized='view') }}

with runs as (
    select
        source, resource,
        max(case when error = '' then finished_at end) as last_checked_at,
        {{ first_by('run_id', '-' ~ seconds_of('finished_at')) }} as last_run_id
    from {{ source('raw', 'capture_outcomes') }}
    group by source, resource
),

refusals as (
    select
        source, resource, count(*) as refused_count
    from {{ source('raw', 'capture_refusals') }}
    group by source, resource
),

tables as (
    {%- for table in raw_record_tables() %}
    select
        '{{ table.split('_', 1) | first }}' as source,
        '{{ table.split('_', 1) | last }}' as resource,
        max(_loaded_at) as last_loaded_at,
        max(record_updated_at) as last_record_at,
        count(*) as rows_count
    from {{ source('raw', table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    tables.source,
    tables.resource,
    tables.last_loaded_at,
    tables.last_record_at,
    runs.last_checked_at,
    tables.rows_count,
    runs.last_run_id,
    cast(coalesce(refusals.refused_count, 0) as bigint) as refused_count
from tables
left join runs on tables.source = runs.source and tables.resource = runs.resource
left join refusals on tables.source = refusals.source and tables.resource = refusals.resource
where tables.rows_count > 0 or runs.source is not null
