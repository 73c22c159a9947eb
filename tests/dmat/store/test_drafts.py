"""Under test: what an editor holds is kept for its user and its thing, whole or not, in each of the three tables."""

from __future__ import annotations

from datetime import datetime

import pytest

from dmat.campaigns.drafts import DRAFTS as OF_CAMPAIGNS
from dmat.experiments.drafts import DRAFTS as OF_TESTS
from dmat.journeys.drafts import DRAFTS as OF_JOURNEYS
from dmat.store.drafts import Draft

ANN, BOB = "ann@shop.example", "bob@shop.example"
NOON, LATER = datetime(2026, 3, 10, 12), datetime(2026, 3, 10, 13)


@pytest.mark.parametrize(
    ("drafts", "one", "other"), [(OF_CAMPAIGNS, 0, 7), (OF_TESTS, 0, 7), (OF_JOURNEYS, "", "welcome")]
)
def test_the_newest_draft_of_a_user_and_thing_is_kept_and_forgotten_alone(both_stores, drafts, one, other):
    drafts.save(both_stores, ANN, one, {"steps": [{"key": "?"}]}, NOON)
    drafts.save(both_stores, ANN, other, {"name": "another"}, NOON)
    kept = drafts.save(both_stores, ANN, one, {"steps": []}, LATER, 3)
    assert drafts.load(both_stores, ANN, one) == kept == Draft({"steps": []}, 3, LATER)
    assert drafts.load(both_stores, BOB, one) is None
    drafts.drop(both_stores, ANN, one)
    assert drafts.load(both_stores, ANN, one) is None
    assert drafts.load(both_stores, ANN, other) == Draft({"name": "another"}, None, NOON)
