"""Under test: results of R and other published references, to the tolerances that come with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dmat.experiments import bayes, health, multiple, power, sequential
from dmat.experiments.proportions import two_proportions


def reference(folder: Path, name: str) -> Any:
    return json.loads((folder / "reference" / f"{name}.json").read_text())


SAME_AS_R = {
    "diff": "difference", "rel_lift": "relative_lift", "z_pooled": "z_pooled", "p_z_pooled": "p_pooled",
    "z_unpooled": "z_unpooled", "p_z_unpooled": "p_unpooled", "chisq": "chi_square", "p_chisq": "p_pooled",
    "wald_ci95": "wald", "chisq_yates": "chi_square_yates", "p_yates": "p_yates", "yates_ci95": "yates",
    "wilson_ci95_a": "wilson_a", "wilson_ci95_b": "wilson_b", "newcombe_ci95": "newcombe", "fisher_p": "p_fisher",
}  # fmt: skip


@pytest.mark.shared
def test_two_proportions_equal_those_of_r(shared_dir: Path) -> None:
    found = reference(shared_dir, "two_proportions")
    for case in found["cases"]:
        given, expected = case["input"], case["expected"]
        result = two_proportions(given["conv_a"], given["n_a"], given["conv_b"], given["n_b"])
        for name, ours in SAME_AS_R.items():
            assert getattr(result, ours) == pytest.approx(expected[name], rel=found["tolerance"], abs=1e-12), name


@pytest.mark.shared
def test_bayesian_statements_equal_exact_quadrature(shared_dir: Path) -> None:
    found = reference(shared_dir, "bayes_beta_binomial")
    near = {"abs": found["tolerance"], "rel": 0}
    for case in found["two_arm"]:
        given, expected = case["input"], case["expected"]
        hits, people = [given["conv_a"], given["conv_b"]], [given["n_a"], given["n_b"]]
        result = bayes.chances(hits, people, tuple(given["prior"]))
        assert result.beats_control[0, 1] == pytest.approx(expected["prob_b_beats_a"], **near)
        assert result.best[0, 0] == pytest.approx(expected["prob_a_beats_b"], **near)
        assert result.loss[0, 0] == pytest.approx(expected["expected_loss_choose_a"], **near)
        assert result.loss[0, 1] == pytest.approx(expected["expected_loss_choose_b"], **near)
        for arm in ("a", "b"):
            interval = bayes.credible_interval(given[f"conv_{arm}"], given[f"n_{arm}"], 0.05, tuple(given["prior"]))
            assert interval == pytest.approx(expected[f"ci95_{arm}"], **near)
    for case in found["multi_arm"]:
        result = bayes.chances([arm["conv"] for arm in case["input"]], [arm["n"] for arm in case["input"]])
        assert result.best[0] == pytest.approx(case["expected"]["prob_best"], **near)
        assert result.loss[0] == pytest.approx(case["expected"]["expected_loss"], **near)


@pytest.mark.shared
def test_corrections_equal_p_adjust(shared_dir: Path) -> None:
    found = reference(shared_dir, "multiple_testing")
    for case in found["cases"]:
        for method, expected in case["expected"].items():
            assert multiple.adjust(case["input"], method) == pytest.approx(expected, abs=found["tolerance"]), method


@pytest.mark.shared
def test_sample_sizes_and_power_equal_those_of_r(shared_dir: Path) -> None:
    found = reference(shared_dir, "power")
    near = {"rel": found["tolerance_relative"]}
    for case in found["two_proportions"]:
        given, expected = case["input"], case["expected"]
        size = power.exact_sample_size(given["p1"], given["p2"] - given["p1"], given["alpha"], given["power"])
        assert size == pytest.approx(expected["n_per_arm_power_prop_test"], **near)
        assert power.cohen_h(given["p1"], given["p2"]) == pytest.approx(expected["cohen_h"], **near)
        by_h = power.sample_size_by_h(given["p1"], given["p2"], given["alpha"], given["power"])
        assert by_h == pytest.approx(expected["n_per_arm_pwr_2p_test"], **near)
    for case in found["two_means"]:
        given = case["input"]
        size = power.exact_sample_size(0, given["delta"], given["alpha"], given["power"], kind="mean", sd=given["sd"])
        assert size == pytest.approx(case["expected"]["n_per_arm"], **near)


@pytest.mark.shared
def test_what_a_test_of_a_given_size_finds_is_that_of_r_as_far_as_r_is_exact(shared_dir: Path) -> None:
    """R's search for p2 stops at eps^0.25 = 1.2e-4; its answer has a power of 0.8002, ours of 0.8000000."""
    for case in reference(shared_dir, "power")["power_given_n"]:
        given, expected = case["input"], case["expected"]
        p1, n = given["p1"], given["n"]
        assert power.power_of(p1, given["p2"] - p1, n, given["alpha"]) == pytest.approx(expected["power"], rel=1e-9)
        found = power.detectable(p1, n, given["alpha"])
        assert found is not None
        assert p1 + found == pytest.approx(expected["mde_p2_at_80"], abs=2.0**-13)
        assert power.power_of(p1, found, n, given["alpha"]) == pytest.approx(0.8, abs=1e-10)


@pytest.mark.shared
def test_the_sample_ratio_of_a_published_test_is_that_of_r(shared_dir: Path) -> None:
    found = reference(shared_dir, "sample_ratio")
    for case in found["cases"]:
        result = health.sample_ratio(case["input"]["counts"], case["input"]["weights"])
        assert result.chi_square == pytest.approx(case["expected"]["chisq"], rel=found["tolerance"])
        assert result.p == pytest.approx(case["expected"]["p"], rel=found["tolerance"])
        assert result.level == "warn"


@pytest.mark.shared
def test_always_valid_and_group_sequential_values_equal_the_references(shared_dir: Path) -> None:
    found = reference(shared_dir, "sequential")
    for case in found["acs"]:
        given, expected = case["input"], case["expected"]
        width = sequential.halfwidth(given["s2"], given["n"], given["tuning_n"], given["alpha"])
        assert sequential.rho(given["alpha"], given["tuning_n"]) == pytest.approx(expected["rho"], rel=1e-12)
        assert width == pytest.approx(expected["halfwidth"], rel=1e-12)
    for case in found["msprt"]:
        given = case["input"]
        p = sequential.msprt_p(given["mean_diff"], given["n_pairs"], given["sigma2"], given["tau2"])
        assert p == pytest.approx(case["expected_p"], rel=1e-12)
    for case in found["lan_demets"]:
        limits = sequential.boundaries(tuple(case["input"]["t"]), case["input"]["alpha_two_sided"])
        assert limits == pytest.approx(case["expected_z"], abs=1e-9)
    pocock = sequential.boundaries((0.2, 0.4, 0.6, 0.8, 1.0), 0.05, "pocock")
    assert pocock == pytest.approx(found["lan_demets_published"]["pocock-type"], abs=1e-4)
