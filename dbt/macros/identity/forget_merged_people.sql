{# After a merge the merged person's rows go; whoever survived has been written anew. #}

{% macro forget_merged_people() -%}
    delete from {{ own_rows() }}
    where
        person_id in (select merged_person_id from {{ ref('person_merges') }})
        and person_id not in (select person_id from {{ ref('person_contacts') }})
{%- endmacro %}
