"""What the screen of one cart shows at a moment: parameters only, no queries and no widgets."""

from __future__ import annotations

import param

from apps.screens.follow.carts import Listed
from apps.screens.follow.path import Path


class FollowState(param.Parameterized):
    """Which cart is looked at, what the list is narrowed to, and the path of the cart."""

    cart_id = param.String(default="")
    is_chosen = param.Boolean(default=False, doc="Whether the reader chose it; on a phone the list gives way then.")
    status = param.String(default="")
    search = param.String(default="")
    listed = param.ClassSelector(class_=Listed, default=None, allow_None=True)
    path = param.ClassSelector(class_=Path, default=None, allow_None=True)
