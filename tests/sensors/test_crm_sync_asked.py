"""Under test: the sensor captures the CRMs when somebody asked, once, and tells what went wrong."""

from __future__ import annotations

import dagster as dg
import pytest

from dmat.integrations.syncing import ask_for_sync, last_sync
from dmat.landing import Outcome
from sensors import crm_sync_asked as moment


@pytest.fixture
def captured(monkeypatch, settings):
    """What was captured, without a CRM behind it."""
    monkeypatch.setenv("DMAT_SALESFORCE_URL", "https://crm.example")
    settings.salesforce_url = "https://crm.example"
    found = []

    def capture(_settings, source, run_id):
        found.append(source)
        return [Outcome(source, "contacts", run_id, settings.clock.now(), error="RateLimitedError: wait")]

    monkeypatch.setattr(moment, "capture_source", capture)
    return found


def look(workspace, instance):
    return moment.crm_sync_asked(dg.build_sensor_context(instance=instance, resources={"workspace": workspace}))


def test_nothing_is_asked_for_while_nobody_asked(workspace, instance, captured):
    assert "nobody asked" in look(workspace, instance).skip_message


def test_a_wish_is_carried_out_once_and_a_failure_is_told(workspace, instance, captured):
    settings, store = workspace.settings(), workspace.store()
    ask_for_sync(settings, store, "ann")
    assert isinstance(look(workspace, instance), dg.RunRequest)
    for _ in range(2):
        assert moment.sync_crms.execute_in_process(instance=instance, resources={"workspace": workspace}).success
    assert captured == ["salesforce"]
    assert "nobody asked" in look(workspace, instance).skip_message
    assert last_sync(settings, store).problem == "salesforce contacts: RateLimitedError: wait"
