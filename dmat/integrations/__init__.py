"""What the connected shops and the CRM know and get to know, for programs that ask over the API.

Belongs here: orders, products and customers of one source, what contacts did, asking for a capture of the CRM. Stays
out: reading the vendors (`dmat/connectors`, `dmat_pipelines/capture`) and who is who (dbt resolves it).
"""
