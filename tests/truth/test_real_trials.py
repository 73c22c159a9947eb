"""Real published trials, analysed from their rows: the known answers come out, and the sick one is called sick."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dmat.experiments.analysis import Arm, Design, Observed, analyse
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Moments

VISIT = Metric("visit", "visited", "proportion")
OUTCOMES = {"visit": "visit", "conversion": "conversion", "revenue": "spend * 100"}
ARMS = {"none": "No E-Mail", "mens": "Mens E-Mail", "womens": "Womens E-Mail"}


@pytest.fixture(scope="module")
def hillstrom(shared_dir: Path) -> dict[str, dict[str, Moments]]:
    file = shared_dir / "data" / "hillstrom.csv"
    found: dict[str, dict[str, Moments]] = {arm: {} for arm in ARMS}
    for metric, outcome in OUTCOMES.items():
        rows = duckdb.sql(
            f"select segment, count(*), sum({outcome})::double, sum(({outcome}) * ({outcome}))::double"
            f" from read_csv('{file}') group by 1"
        ).fetchall()
        sums = {segment: Moments(*values) for segment, *values in rows}
        for arm, segment in ARMS.items():
            found[arm][metric] = sums[segment]
    return found


@pytest.mark.shared
@pytest.mark.parametrize("inference", ["fixed", "always_valid", "group_sequential"])
def test_both_e_mails_beat_no_e_mail_on_visits_conversions_and_spending(
    hillstrom: dict[str, dict[str, Moments]], inference: str
) -> None:
    design = Design(
        tuple(Arm(arm) for arm in ARMS), "none", "conversion", inference=inference, extra_metrics=(VISIT,),
        planned_n_per_arm=20_000, look_fractions=(0.5, 1.0),
    )  # fmt: skip
    people = {arm: int(sums["visit"].n) for arm, sums in hillstrom.items()}
    found = analyse(design, Observed(people, hillstrom, looks=2))
    assert found.health_level == "ok"
    rates = {metric: [found.arm(arm, metric).rate for arm in ARMS] for metric in OUTCOMES}
    assert rates["visit"] == pytest.approx([0.1062, 0.1828, 0.1514], abs=5e-5)
    assert rates["conversion"] == pytest.approx([0.00573, 0.01253, 0.00884], abs=5e-6)
    assert rates["revenue"] == pytest.approx([65.28, 142.26, 107.72], abs=5e-3)
    for one in found.comparisons:
        if inference != "always_valid" or one.metric != "revenue" or one.arm != "womens":
            assert one.is_significant, one
            assert one.is_better, one
            assert one.lift_low > 0, one


@pytest.mark.shared
def test_the_mobile_game_raises_the_sample_ratio_warning(shared_dir: Path) -> None:
    rows = duckdb.sql(
        "select version, count(*), sum(retention_7::integer)"
        f" from read_csv('{shared_dir / 'data' / 'cookie_cats.csv'}') group by 1"
    ).fetchall()
    kept = Metric("retention_7", "came back after a week", "proportion")
    design = Design((Arm("gate_30"), Arm("gate_40")), "gate_30", kept.key, extra_metrics=(kept,), inference="fixed")
    moments = {arm: {kept.key: Moments.of_proportion(n, hits)} for arm, n, hits in rows}
    found = analyse(design, Observed({arm: n for arm, n, _ in rows}, moments))
    (ratio,) = [finding for finding in found.health if finding.check == "sample_ratio"]
    assert ratio.level == "warn"
    assert ratio.p == pytest.approx(0.0086, abs=5e-5)
    assert "44,700 / 45,489" in ratio.message
    assert found.arm("gate_30").rate == pytest.approx(0.1902, abs=5e-5)
    assert found.comparison("gate_40").is_significant
