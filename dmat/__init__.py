"""DMAT: the marketing rules in plain Python.

Belongs here: nouns (people, consent, messages, the ledger ...) and the rules about them, testable in milliseconds.
Stays out: Dagster and Panel. `import dmat` itself is cheap; `dmat.open()` gives notebooks a read-only view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmat.warehouse import Workspace

__all__ = ["open"]


def open(home: str | None = None) -> Workspace:
    """Open the newest published warehouse, read-only.

    Args:
        home: the workspace folder; None reads the setting `DMAT_HOME`.

    Raises:
        NotPublishedError: nothing has been published yet; run `dmat refresh` first.
    """
    from dmat.settings import load_settings
    from dmat.warehouse import Workspace

    return Workspace(load_settings(home=home))
