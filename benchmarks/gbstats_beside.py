"""gbstats (GrowthBook's statistics) measured beside ours, in an environment of its own since it needs pandas below 2.

Belongs here: making the environment in a temporary folder, running `gbstats_rounds.py` in it, and removing it.
Stays out: our own figures (`experiments.py`). Where it cannot be installed, the reason is printed and nothing compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WANTED = ("gbstats", "pandas<2", "numpy<2")


def run_gbstats(work: dict[str, Any]) -> dict[str, Any] | None:
    """What `gbstats_rounds.py` prints for this work; None when gbstats cannot be installed here."""
    with tempfile.TemporaryDirectory(prefix="gbstats-") as folder:
        python = _install(Path(folder))
        if python is None:
            return None
        script = Path(__file__).with_name("gbstats_rounds.py")
        done = subprocess.run(
            [str(python), str(script)], input=json.dumps(work), capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            print(f"gbstats failed, so nothing is compared: {done.stderr[-500:]}")
            return None
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _install(folder: Path) -> Path | None:
    """The Python of a new environment with gbstats in it."""
    tool, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    if tool.exists():
        steps = [[str(tool), "venv", "-q", "-p", sys.executable, str(folder)],
                 [str(tool), "pip", "install", "-q", "-p", str(python), *WANTED]]  # fmt: skip
    else:
        steps = [[sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-q", *WANTED]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, timeout=600)
        if done.returncode:
            print(f"gbstats cannot be installed here, so nothing is compared: {done.stderr.strip()[-300:]}")
            return None
    return python
