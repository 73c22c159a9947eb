"""What the home screen shows at a moment: parameters only, no queries and no widgets."""

from __future__ import annotations

import param

from apps.context import Pulse
from apps.screens.home.data import HomeFigures, LiveCounts


class HomeState(param.Parameterized):
    """The newest figures of the warehouse, the live counts of the store, and the pulse they belong to."""

    figures = param.ClassSelector(class_=HomeFigures, default=None, allow_None=True)
    live = param.ClassSelector(class_=LiveCounts, default=None, allow_None=True)
    pulse = param.ClassSelector(class_=Pulse, default=Pulse(None))
