"""Screens: what a marketer touches. Panel pages here, the doors for machines in `apps/api`.

Belongs here: the server of the screens, who may open which, their look, and how they read the published
warehouse and the store. Stays out: rules (`dmat/`), orchestration (`dmat_pipelines/`) and every write to the
warehouse. A screen is a State (parameters only), Data (queries, no widgets) and a Screen (layout).
"""
