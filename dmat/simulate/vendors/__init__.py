"""One loopback server that speaks as the vendors do: `python -m dmat.simulate.vendors --home HOME --port N`.

Belongs here: the vendors' HTTP side, one module a vendor - paths, keys, paging, cursors, filters, rate limits, error
bodies, signed webhooks - and the faults that can be switched on. Stays out: what the make-believe company does
(`dmat/simulate/company.py` for its past, `dmat/simulate/world.py` from then on) and what payloads look like
(`dmat/simulate/payloads.py`). Where a vendor publishes a specification, tests/contracts holds the answers against it.
"""
