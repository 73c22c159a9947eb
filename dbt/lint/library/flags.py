"""Only for sqlfluff: a stand-in for dbt's `flags`."""

FULL_REFRESH = False
