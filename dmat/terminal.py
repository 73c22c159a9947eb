"""What commands at a terminal share: opening a workspace, one red line for an error of ours, who is asking.

Belongs here: this frame. Stays out: what the commands do (`dmat/*/commands.py`), and heavy modules, which are imported
when a workspace is opened, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dmat.errors import DmatError, InvalidInputError, InvalidRuleError

if TYPE_CHECKING:
    from dmat.settings import Settings
    from dmat.store import Store

console = Console(highlight=False, soft_wrap=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]


@contextmanager
def opened(home: Path | None) -> Iterator[tuple[Settings, Store]]:
    """Settings and store of a workspace; an error of ours is red, a line for each fault, and exit code 1.

    The words of an error may have been typed by somebody, so that nothing in them is read as markup.
    """
    from dmat.settings import load_settings
    from dmat.store import open_store

    settings = load_settings(home=home)
    store = open_store(settings)
    try:
        yield settings, store
    except DmatError as error:
        for line in _lines(error):
            console.print(line, style="red", markup=False)
        raise typer.Exit(1) from None
    finally:
        store.close()


def _lines(error: DmatError) -> list[str]:
    """What is wrong; of something with several faults each."""
    if isinstance(error, InvalidRuleError):
        return [str(InvalidInputError(*each)) for each in error.faults]
    return [str(error)]


def who() -> str:
    """Who is asking, as the audit trail keeps it."""
    return f"{getpass.getuser()} at the terminal"
