with hours as (
    select
        people.country_code,
        people_hours.best_hour,
        sum(people_hours.reactions_count) as reactions_count
    from {{ ref('person_best_hours') }} as people_hours
    inner join {{ ref('dim_people') }} as people on people_hours.person_id = people.person_id
    where people.country_code is not null
    group by people.country_code, people_hours.best_hour
),

ranked as (
    select
        hours.*,
        sum(reactions_count) over (partition by country_code) as all_reactions_count,
        row_number() over (partition by country_code order by reactions_count desc, best_hour) as hour_rank
    from hours
)

select
    country_code,
    best_hour,
    cast(all_reactions_count as bigint) as reactions_count
from ranked
where hour_rank = 1 and all_reactions_count >= 50
