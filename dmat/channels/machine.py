"""Opens and clicks that no person made: mailbox providers fetch pictures, scanners follow links.

Belongs here: the rule, with a version that is raised when it changes. Stays out: dropping events (none ever is).
The warehouse keeps the same patterns for history in the seed `machine_user_agents`; a test keeps both equal.
"""

from __future__ import annotations

import re

RULE_VERSION = 1
PATTERNS = (
    r"^mozilla/5\.0$",  # what Apple's mail privacy proxy says and no browser does
    r"bot|crawler|spider|slurp",
    r"barracuda|proofpoint|mimecast|symantec|fireeye|trendmicro|cisco-?ironport|sophos|linkprotect",
    r"safelinks|microsoft office existence discovery|bingpreview",
    r"headlesschrome|phantomjs|puppeteer|playwright",
    r"^(curl|wget|python-requests|python-httpx|go-http-client|java|okhttp|libwww-perl)/",
    r"yahoomailproxy",
)
_AGENTS = re.compile("|".join(PATTERNS))


def is_machine(user_agent: str, said_by_provider: bool = False) -> bool:
    """Whether an open or click was made by a machine: the provider says so, or the agent gives itself away."""
    return said_by_provider or _AGENTS.search(user_agent.lower()) is not None
