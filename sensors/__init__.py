"""MOMENTS: when something starts, each with the job that it starts.

Belongs here: sensors and cron lines. Stays out: what is done (`dmat_pipelines/`) and whether a message may leave
(`dmat/ledger`): a moment that comes twice changes nothing, because the ledger decides, never a run key.
"""
