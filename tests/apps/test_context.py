"""Under test: a question is asked once for all readers, and the pulse tells when something changed."""

from __future__ import annotations

import threading

import pytest
from serving_fixture import build_home, republish

from apps.context import Answers, open_context, take_pulse


def test_many_readers_who_ask_at_once_are_answered_by_one_question():
    answers, asked, gate = Answers(), [], threading.Barrier(8)

    def ask():
        gate.wait()
        answers.get("key", lambda: asked.append(1) or "answer")

    readers = [threading.Thread(target=ask) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(asked) == 1


def test_an_error_is_not_kept_as_an_answer():
    answers = Answers()
    with pytest.raises(ZeroDivisionError):
        answers.get("key", lambda: 1 / 0)
    assert answers.get("key", lambda: "answer") == "answer"


def test_old_answers_are_forgotten():
    answers = Answers(kept=2)
    for key in "abc":
        answers.get(key, lambda key=key: key)
    assert answers.get("a", lambda: "anew") == "anew"
    assert answers.get("c", lambda: "anew") == "c"


def test_the_pulse_changes_when_a_version_is_published(tmp_path):
    settings = build_home(tmp_path)
    context = open_context(settings)
    before = take_pulse(context)
    assert take_pulse(context) == before
    republish(settings, "delete from engagement.fct_visits")
    assert take_pulse(context).version.number == before.version.number + 1
    context.store.close()


def test_the_pulse_counts_the_ledger_by_state(context):
    pulse = take_pulse(context)
    assert pulse.by_state["delivered"] == 7
    assert pulse.by_state["ambiguous"] == 1
    assert pulse.quarantined == 1


def test_a_workspace_without_a_warehouse_has_a_pulse_too(tmp_path):
    context = open_context(build_home(tmp_path, with_figures=False))
    assert take_pulse(context).version is None
    context.store.close()
