-- Each transaction of loyalty points adds to 0, and what members have is what left the other accounts.
select transaction_key
from {{ ref('fct_loyalty_points') }}
group by transaction_key
having sum(points) <> 0 or count(*) <> 2
