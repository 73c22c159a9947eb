{# Functions that SQL cannot write; on DuckDB they are dmat_pipelines/conform/functions.py. They take lists that are in
   the same order and give a list of rows. #}

{% macro markov_effects(paths, conversions, nulls) -%}
    {{ return(adapter.dispatch('markov_effects', 'dmat')(paths, conversions, nulls)) }}
{%- endmacro %}

{% macro duckdb__markov_effects(paths, conversions, nulls) -%}
    markov_effects(
        list({{ paths }} order by {{ paths }}),
        list(cast({{ conversions }} as double) order by {{ paths }}),
        list(cast({{ nulls }} as double) order by {{ paths }})
    )
{%- endmacro %}

{# Lists of columns, all in the same order, as arguments of a function over lists. #}
{% macro listed(columns, ordering) -%}
    {%- for column in columns -%}
    list(cast({{ column }} as double) order by {{ ordering }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Parameters of the model of repeat purchases, as a list of one row; of none when there are too few customers. #}
{% macro fit_purchases(frequency, recency, age, customers) -%}
    {{ return(adapter.dispatch('fit_purchases', 'dmat')(frequency, recency, age, customers)) }}
{%- endmacro %}

{% macro duckdb__fit_purchases(frequency, recency, age, customers) -%}
    fit_purchases({{ listed([frequency, recency, age, customers], frequency ~ ', ' ~ recency ~ ', ' ~ age) }})
{%- endmacro %}

{# What that model expects of each cell of customers; the parameters are columns of one row beside the cells. #}
{% macro expected_purchases(frequency, recency, age, parameters, horizon) -%}
    {{ return(adapter.dispatch('expected_purchases', 'dmat')(frequency, recency, age, parameters, horizon)) }}
{%- endmacro %}

{% macro duckdb__expected_purchases(frequency, recency, age, parameters, horizon) -%}
    expected_purchases(
        {{ listed([frequency, recency, age], frequency ~ ', ' ~ recency ~ ', ' ~ age) }},
        {% for parameter in parameters %}min({{ parameter }}), {% endfor %}{{ horizon }}
    )
{%- endmacro %}

{# Parameters of the model of order values, as a list of one row; of none when there are too few customers. #}
{% macro fit_spend(orders, mean_value, customers) -%}
    {{ return(adapter.dispatch('fit_spend', 'dmat')(orders, mean_value, customers)) }}
{%- endmacro %}

{% macro duckdb__fit_spend(orders, mean_value, customers) -%}
    fit_spend({{ listed([orders, mean_value, customers], orders ~ ', ' ~ mean_value) }})
{%- endmacro %}
