"""Bodies of webhooks: JSON that a template writes.

Belongs here: values inside of it, and values that show where a text stands outside of quotation marks. Stays out:
rendering (`render_child.py` escapes what it writes in the same way), reading it (`dmat/channels/webhook.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ODD = 'a, "b" \\ c'  # breaks JSON wherever it does not stand in quotation marks


def as_json(value: Any) -> str:
    """A value as it stands in JSON: a text without quotation marks but escaped, all else as JSON writes it."""
    written = json.dumps(value, ensure_ascii=False)
    return written[1:-1] if isinstance(value, str) else written


def odd_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with every text replaced by one that only quotation marks can hold."""
    return {name: _odd(value) for name, value in values.items()}


def _odd(value: Any) -> Any:
    if isinstance(value, str):
        return ODD
    if isinstance(value, Mapping):
        return odd_values(value)
    return [_odd(each) for each in value] if isinstance(value, (list, tuple)) else value
