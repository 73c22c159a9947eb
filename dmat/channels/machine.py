"""Opens and clicks that no person made: mailbox providers fetch pictures, scanners follow links.

Belongs here: the rule, with a version that is raised when it changes. Stays out: dropping events (none ever is).
The warehouse keeps the same rule for history in its staging of delivery events.
"""

from __future__ import annotations

import re

RULE_VERSION = 1
BARE_AGENT = "Mozilla/5.0"  # what Apple's mail privacy proxy says and no browser does
_AGENTS = re.compile(
    r"bot\b|crawler|spider|scanner|linkprotect|barracuda|proofpoint|mimecast|safelinks|headless|python-requests|curl/|wget/",
    re.IGNORECASE,
)


def is_machine(user_agent: str, said_by_provider: bool = False) -> bool:
    """Whether an open or click was made by a machine: the provider says so, or the agent gives itself away."""
    return said_by_provider or user_agent.strip() == BARE_AGENT or _AGENTS.search(user_agent) is not None
