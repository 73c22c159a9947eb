"""What the health screen shows at a moment: parameters only, no queries and no widgets."""

from __future__ import annotations

import param

from apps.screens.health.data import SourcesHealth
from apps.screens.health.queue import QueueHealth
from apps.screens.health.system import SystemHealth


class HealthState(param.Parameterized):
    """The three parts of the screen, and what the table of refused rows is narrowed to."""

    sources = param.ClassSelector(class_=SourcesHealth, default=None, allow_None=True)
    queue = param.ClassSelector(class_=QueueHealth, default=None, allow_None=True)
    system = param.ClassSelector(class_=SystemHealth, default=None, allow_None=True)
    refused_source = param.String(default="")
    refused_search = param.String(default="")
