-- The amounts of imported lines add up to those of the file, kind by kind.
with files as (
    select
        kind,
        count(*) as lines_count,
        sum(amount_cents) as amount_cents
    from {{ ref('stg_import__order_lines') }}
    group by kind
),

marts as (
    select
        kind,
        count(*) as lines_count,
        sum(amount_cents) as amount_cents
    from {{ ref('fct_order_lines') }}
    where source = 'import'
    group by kind
)

select
    files.kind,
    files.amount_cents,
    marts.amount_cents as mart_amount_cents
from files
left join marts on files.kind = marts.kind
where marts.kind is null or files.lines_count <> marts.lines_count or files.amount_cents <> marts.amount_cents
