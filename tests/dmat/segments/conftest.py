"""Fixtures of these tests are in `tests/sending_fixtures.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sending_fixtures import (  # noqa: F401
    both_settings,
    both_stores,
    home,
    no_settings_from_outside,
    postgres_server,
    settings,
    store,
)
