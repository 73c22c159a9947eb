-- A merged id is nobody's any more, and leads to somebody who is there.
select merges.merged_person_id
from {{ ref('person_merges') }} as merges
left join {{ ref('dim_people') }} as merged on merges.merged_person_id = merged.person_id
left join {{ ref('dim_people') }} as survivor on merges.surviving_person_id = survivor.person_id
where merged.person_id is not null or survivor.person_id is null
