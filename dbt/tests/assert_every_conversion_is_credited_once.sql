-- orders that count, leads and won deals are the conversions of the table of touches: none is missing, none is twice
select
    conversions.conversion_id
from {{ ref('int_attribution__conversions') }} as conversions
full outer join (select distinct conversion_id from {{ ref('fct_touches') }}) as credited
    on conversions.conversion_id = credited.conversion_id
where conversions.conversion_id is null or credited.conversion_id is null
