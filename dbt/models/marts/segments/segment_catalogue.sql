with entries as (
    {{ segment_catalogue_rows() }}
)

select
    cast(position as integer) as position,
    kind,
    key,
    event_key,
    label,
    type,
    group_name,
    table_name,
    column_name,
    person_column,
    at_column,
    filter_sql,
    data_type,
    unit,
    currency_column,
    channel,
    default_op,
    description,
    is_personal
from entries
