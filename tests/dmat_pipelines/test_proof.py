"""Under test: the printed proof claims no more than the numbers say."""

from __future__ import annotations

from rich.console import Console

from dmat_pipelines.proof import Proof, show

ROW = {
    "currency_code": "EUR",
    "treated_count": 50,
    "treated_recovered_count": 20,
    "recovered_cents": 300_000,
    "incremental_recovered_cents": 80_000,
    "incremental_low_cents": 20_000,
    "incremental_high_cents": 140_000,
    "no_estimate_reason": None,
}


def printed(**changes):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(show(Proof(earned=[ROW | changes])))
    return captured.get()


def test_what_the_mail_brought_is_printed_with_its_interval():
    assert "800.00 (200.00 to 1,400.00)" in printed()
    assert "not proven" not in printed()


def test_an_interval_with_nothing_in_it_is_called_not_proven_yet():
    assert "800.00 (-738.00 to 2,370.00): not proven yet" in printed(
        incremental_low_cents=-73_800, incremental_high_cents=237_000
    )


def test_without_an_estimate_its_reason_is_printed():
    assert "too few carts" in printed(incremental_recovered_cents=None, no_estimate_reason="too few carts")
