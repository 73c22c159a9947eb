"""RuleBuilder: the bridge between a rule in the browser's hands and the screen that holds it.

Belongs here: what is synced. Stays out: the component itself (`assets/rules`, bundled at set-up by
`python -m apps.assets.build`) and what a rule means (`dmat/segments`). One value is synced both ways: `state`, the rule
and the serial of its edit; answers name the serial they are for, so that a late one is never shown at the wrong line.
"""

from __future__ import annotations

import param

from apps.parts.bundled import Bundled, address_of, script_of

_SCRIPT = script_of("rule_builder.js")


class RuleBuilder(Bundled):
    """The rule builder of one reader; without its bundle it says how to make it."""

    state = param.Dict(default={"serial": "0", "rule": {"version": 1, "where": {"all": []}}}, doc="Serial and rule.")
    catalogue = param.String(default="{}", doc="What can be asked, as JSON; fixed while the page is open.")
    answers = param.Dict(default={}, doc="Counts by path, faults, total and everybody, and the serial they are for.")
    suggestions = param.Dict(default={}, doc="Values of one subject with how many people have each.")
    possible = param.Dict(default={"undo": False, "redo": False}, doc="Which of undo and redo there is.")

    _address = address_of(_SCRIPT)
    _bundle = _SCRIPT
    _esm = _SCRIPT
