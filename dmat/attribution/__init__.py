"""Attribution: how the touches before a conversion share it.

Belongs here: paths of touches as arrays, the rule models, Markov removal effects, Shapley values; plain mathematics.
Stays out: which touches belong to which conversion (`dbt/models/marts/attribution`), what a campaign brought by its
hold-out (`dmat/experiments`, `dbt/models/marts/campaigns`).

Attribution of what was merely observed is a bookkeeping rule, not a measurement of cause: where a hold-out exists, its
lift is the figure to believe (Gordon, Moakler and Zettelmeyer 2022, arXiv 2201.07055).
"""
