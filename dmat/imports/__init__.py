"""Files that people bring: people, orders and events from CSV, Parquet and XLSX.

Belongs here: reading a file, guessing what its columns mean, and deciding line by line what can be kept and why not.
Stays out: landing and talking to the user (`dmat_pipelines/capture/imports.py`), resolving who is who (`dbt/`).

Every line of a file is accounted for: kept, or refused with the line, the field, the reason and what is allowed.
"""
