"""Under test: health tells the state of every source, message and process, and says so when it does not know."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from serving_fixture import NASTY, NOW, build_home

from apps.context import open_context, take_pulse
from apps.parts.render import render
from apps.screens.health.data import read_sources, state_of
from apps.screens.health.deciding import NOT_YOURS, let_send, read_quarantined
from apps.screens.health.queue import MEANING, read_queue
from apps.screens.health.screen import summary_of
from apps.screens.health.state import HealthState
from apps.screens.health.system import read_processes, read_system
from apps.screens.home.data import read_live
from apps.screens.home.needs import list_needs
from dmat.doctor import examine
from dmat.errors import InvalidInputError
from dmat.ledger.entries import STATES
from dmat.outgoing.endpoints import Endpoints
from dmat.store.ledger_tables import fences
from dmat.store.quarantine import Refused, keep_refused
from dmat.store.users import list_users
from dmat.store.web_tables import webhook_endpoints


def test_each_resource_shows_its_last_run(context):
    health = read_sources(context, context.version())
    rows = {(row["source"], row["resource"]): row for row in health.resources}
    assert rows["hubspot", "contacts"]["refused_count"] == 2
    assert rows["shopify", "orders"]["run_id"] == "run-0042"
    assert state_of(rows["linkedin", "posts"], NOW) == "failing"
    assert state_of(rows["shopify", "orders"], NOW) == "fresh"


def test_runs_that_brought_nothing_are_one_line_that_counts_them(context):
    health = read_sources(context, context.version())
    [run] = [row for row in health.runs if row["source"] == "meta" and row["run_id"] == "run-0042"]
    quiet = replace(health, runs=({**run, "runs_count": 8_641}, {**run, "runs_count": 1}))
    states = {(row["source"], row["resource"]): "fresh" for row in health.resources}
    html = render("screens/health/sources.jinja", NOW, "UTC", health=quiet, states=states)
    assert html.count("before it, just as quiet") == 1
    assert "8,640 before it" in html


def test_refused_rows_can_be_narrowed_by_source_and_by_words(context):
    version = context.version()
    assert read_sources(context, version, source="hubspot").refused_fitting == 2
    assert read_sources(context, version, source="shopify").refused_fitting == 0
    found = read_sources(context, version, search="not an address")
    assert [row["record_id"] for row in found.refused] == ["8812"]


def test_the_reason_of_a_refused_row_is_escaped(context):
    html = render("screens/health/refused.jinja", NOW, "UTC", health=read_sources(context, context.version()),
                  state=HealthState())  # fmt: skip
    assert NASTY not in html
    assert "&lt;img src=x" in html


def test_the_queue_adds_up_and_names_what_is_unclear(context):
    queue = read_queue(context)
    assert queue.total == 10
    assert dict(queue.states)["delivered"] == 7
    assert queue.reasons["suppressed"] == (("no consent for e-mail marketing", 1),)
    assert [entry.address for entry in queue.unclear] == ["ivo.9@example.com"]
    assert queue.quarantine[0]["seen_count"] == 3


def test_every_state_of_the_ledger_has_a_meaning_in_words():
    assert set(STATES) == MEANING.keys()


def test_processes_are_read_from_the_supervisors_file_in_either_shape(tmp_path):
    file = tmp_path / "processes.json"
    assert read_processes(file) is None
    rows = [{"name": "api", "pid": 1, "state": "running", "restarts": 0, "started_at": "x", "url": "http://a"}]
    file.write_text(json.dumps(rows))
    assert read_processes(file)[0]["name"] == "api"
    file.write_text(json.dumps({"processes": rows}))
    assert read_processes(file)[0]["url"] == "http://a"
    file.write_text("{half")
    with pytest.raises(InvalidInputError):
        read_processes(file)


def test_the_summary_counts_what_needs_a_look(context):
    sources, queue = read_sources(context, context.version()), read_queue(context)
    states = {(row["source"], row["resource"]): state_of(row, NOW) for row in sources.resources}
    lines = summary_of(sources, states, queue, read_system(context, take_pulse(context)))
    assert [(tone, words) for tone, _, _, words, _ in lines] == [
        ("danger", "2 of 10 need a look"), ("danger", "1 unclear of 10"),
        ("warning", "2 rows refused, 1 in quarantine"), ("plain", "not started by dmat up"),
    ]  # fmt: skip


def test_a_store_that_came_from_elsewhere_says_that_nothing_is_sent_until_an_administrator_says_yes(tmp_path):
    context = open_context(build_home(tmp_path))
    with context.store.write() as connection:
        elsewhere = {"name": "sender", "instance_id": "another", "start_id": "one", "taken_at": NOW}
        connection.execute(sa.insert(fences).values(elsewhere))
    queue = read_queue(context)
    assert not queue.sending.may_send
    html = render("screens/health/head.jinja", NOW, "UTC", parts=None, said=None, decides=True, sending=queue.sending)
    assert "Nothing is sent." in html
    assert "Let this workspace send" in html
    assert "Let this workspace" not in render(
        "screens/health/head.jinja", NOW, "UTC", parts=None, said=None, decides=False, sending=queue.sending
    )
    [finding] = [each for each in examine(context.settings) if each.part == "sending"]
    assert (finding.state, "confirm-sending" in finding.advice) == ("wrong", True)
    pulse, live = take_pulse(context), read_live(context, NOW.date())
    assert [need.link for need in list_needs(None, live, pulse, NOW) if need.what == "Nothing is sent"] == ["/health"]
    users = {user.role: user for user in list_users(context.store)}
    assert let_send(context, users["marketer"], drop_overdue=False) == NOT_YOURS
    assert not read_queue(context).sending.may_send
    assert let_send(context, users["admin"], drop_overdue=False)[0] == "success"
    assert read_queue(context).sending.may_send
    assert read_live(context, NOW.date()).not_sending == ""
    context.store.close()


def test_a_webhook_from_quarantine_is_read_again_once_its_key_is_right(tmp_path):
    context = open_context(build_home(tmp_path))
    users = {user.role: user for user in list_users(context.store)}
    secret = "right"
    body = b'{"id":1}'
    signed = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    headers = {
        "x-wc-webhook-signature": signed,
        "x-wc-webhook-topic": "order.created",
        "x-wc-webhook-delivery-id": "d1",
    }
    with context.store.write() as connection:
        keep_refused(
            connection,
            [Refused("woocommerce", "bad signature", headers, "http://x/webhooks/woocommerce", body, len(body))],
            NOW,
        )
    [item] = [row for row in read_queue(context).quarantine if row["provider"] == "woocommerce"]
    html = render("screens/health/queue.jinja", NOW, "UTC", queue=read_queue(context), meaning=MEANING, decides=True)
    assert f'data-value="{item["quarantine_id"]}"' in html
    assert "read-again" not in render(
        "screens/health/queue.jinja", NOW, "UTC", queue=read_queue(context), meaning=MEANING, decides=False
    )
    assert read_quarantined(context, users["marketer"], item["quarantine_id"]) == NOT_YOURS
    assert read_quarantined(context, users["admin"], item["quarantine_id"])[0] == "danger"
    context.settings.woocommerce_webhook_secret = SecretStr(secret)
    assert read_quarantined(context, users["admin"], item["quarantine_id"]) == (
        "success",
        "Taken in: 1 new of 1 event.",
    )
    assert item["quarantine_id"] not in [row["quarantine_id"] for row in read_queue(context).quarantine]
    context.store.close()


def test_an_empty_workspace_has_a_health_screen_too(tmp_path):
    context = open_context(build_home(tmp_path, with_figures=False))
    system = read_system(context, take_pulse(context))
    assert dict(system.facts)["Warehouse"] == "nothing published yet"
    for name, values in (
        ("sources", {"health": None, "states": {}}), ("queue", {"queue": read_queue(context), "meaning": MEANING}),
        ("refused", {"health": None, "state": HealthState()}), ("system", {"system": system}),
    ):  # fmt: skip
        render(f"screens/health/{name}.jinja", NOW, "UTC", **values)
    context.store.close()


def test_a_webhook_that_was_switched_off_is_told_with_its_reason_and_how_to_mend_it(tmp_path):
    context = open_context(build_home(tmp_path))
    endpoints = Endpoints(context.settings, context.store)
    made, _ = endpoints.create("crm", "https://hooks.example.com/dmat", ["message.bounced"], "ana@example.com")
    assert read_system(context, take_pulse(context)).endpoints == ()
    with context.store.write() as connection:
        values = {"is_active": False, "disabled_because": "it answered 410 <gone>"}
        connection.execute(sa.update(webhook_endpoints).values(values))
    system = read_system(context, take_pulse(context))
    assert [each.endpoint_id for each in system.endpoints] == [made.endpoint_id]
    html = render("screens/health/system.jinja", NOW, "UTC", system=system)
    assert "crm is switched off" in html
    assert "410 &lt;gone&gt;" in html
    [finding] = [each for each in examine(context.settings) if each.part == "webhooks out"]
    assert (finding.state, "410" in finding.what) == ("wrong", True)
    endpoints.change(made.endpoint_id, "ana@example.com", is_active=True)
    assert read_system(context, take_pulse(context)).endpoints == ()
    context.store.close()
