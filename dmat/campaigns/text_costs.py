"""What texts of a step would cost before they leave: parts of the text times the price of each number's country.

Belongs here: an estimate for one message, on average. Stays out: prices and parts (`dmat/channels/sms.py`), who gets it
(`estimate.py`). A price that the plan names goes before all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dmat.campaigns.plan import Step
from dmat.campaigns.templates_of_steps import templates_of
from dmat.channels.outgoing import sms_text
from dmat.channels.sms import count_segments, estimate_cost
from dmat.errors import DmatError
from dmat.messages.library import Templates
from dmat.messages.preview import preview_template
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.warehouse import Workspace


@dataclass(frozen=True)
class TextCost:
    """What one text costs on average.

    Attributes:
        parts: that a text is sent and paid in; of several templates the most.
        micros: millionths of `currency` for one message to these numbers.
        as_of: the day of the oldest price behind it.
    """

    parts: int
    micros: float
    currency: str
    as_of: str


def text_cost(
    settings: Settings, store: Store, workspace: Workspace, step: Step, numbers: Sequence[str]
) -> TextCost | None:
    """What one text of a step costs on average; None when it is no SMS, has its price in the plan, or nobody gets it.

    Args:
        settings: those of the workspace, with its table of prices.
        store: the store, which has the templates.
        workspace: the published tables, for values that the text shows.
        step: of a campaign.
        numbers: phone numbers of those who would get it, or of a sample of them.
    """
    if step.channel != "sms" or step.cost_micros_each or not numbers:
        return None
    parts = _parts(settings, store, workspace, step)
    each = [estimate_cost(settings, number, parts) for number in numbers]
    return TextCost(
        parts, sum(cost.micros for cost in each) / len(each), each[0].currency, min(cost.as_of for cost in each)
    )


def _parts(settings: Settings, store: Store, workspace: Workspace, step: Step) -> int:
    """The most parts among the templates of a step, each filled as for a person of the workspace; at least one."""
    found, templates = 1, Templates(store, settings.clock)
    for key in templates_of(step):
        try:
            shown = preview_template(settings, workspace, templates.get(key))
        except DmatError:  # built in, gone or broken: the check before the start says so
            continue
        text = shown.text or str(shown.parts.get("text") or "")
        found = max(found, count_segments(sms_text(settings, text, shown.locale)).count)
    return found
