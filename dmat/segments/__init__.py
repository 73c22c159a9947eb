"""Segments: any question about people, as a tree of conditions that is checked, put into words and answered.

Belongs here: the rule tree, the operators, the catalogue of what can be asked, the compilers that answer it, what is
kept about segments. Stays out: tables (`dbt/`), who runs it when (`dmat_pipelines/`, `sensors/`), screens (`apps/`).
"""
