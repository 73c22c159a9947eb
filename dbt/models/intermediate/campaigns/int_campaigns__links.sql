with written as (
    select distinct campaign from {{ ref('fct_visits') }}
    union
    select distinct campaign from {{ ref('fct_form_submissions') }}
    union
    select distinct campaign from {{ ref('fct_ad_spend') }}
)

select
    written.campaign, names.campaign_id
from written
inner join {{ ref('int_campaigns__names') }} as names on {{ slug_of('written.campaign') }} = names.slug
