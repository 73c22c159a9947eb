"""Under test: the doors of analytics under the names of the requirement; who may come in; files; refusals by field."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import signed_in
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from segment_world import PASSWORD, ROLES

from apps.api.app import create_app
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.users import create_user
from dmat.store.workspace_values import read_audit

MARCH = {"since": "2026-03-01", "until": "2026-03-11"}


@pytest.fixture
def doors(untouched_metric_home: Path, tmp_path: Path) -> Iterator[TestClient]:
    settings = load_settings(shutil.copytree(untouched_metric_home, tmp_path / "home"))
    store = open_store(settings)
    for role in ROLES:
        create_user(store, f"{role}@shop.example", PASSWORD, role)
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        client.store = store  # type: ignore[attr-defined]
        yield client
    store.close()


@pytest.fixture
def analyst(doors: TestClient) -> TestClient:
    return signed_in(doors, "analyst")


def test_the_figures_of_a_campaign(analyst: TestClient) -> None:
    found = analyst.get("/api/analytics/campaigns/7/metrics").json()
    assert found["campaign"]["name"] == "Spring; sale"
    assert (found["since"], found["until"], found["currency"]) == ("2026-02-20", "2026-03-11", "EUR")
    assert found["metrics"]["sent"] == {"value": 5, "name": "Sent", "unit": "count", "better": "neither"}
    assert found["metrics"]["roi"]["value"] == 5.0
    assert [stage["count"] for stage in found["journey"]] == [5, 4, 3, 1, 2]
    assert found["data_as_of"] == "2026-03-10T12:00:00Z"
    assert analyst.get("/api/analytics/campaigns/7/metrics", params=MARCH).json()["metrics"]["sent"]["value"] == 4
    assert analyst.get("/api/analytics/campaigns/99/metrics").status_code == 404


def test_campaigns_side_by_side(analyst: TestClient) -> None:
    found = analyst.get("/api/analytics/campaigns/compare", params={"ids": "7,8"}).json()
    assert [each["name"] for each in found["campaigns"]] == ["Spring; sale", "Quiet"]
    rate = found["campaigns"][0]["rates"]["read_rate"]
    assert (rate["value"], rate["hits"], rate["of"]) == (0.75, 3, 4)
    assert rate["low"] < 0.75 < rate["high"]
    refused = analyst.get("/api/analytics/campaigns/compare", params={"ids": "7"})
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (422, "ids")


def test_the_overview_stands_beside_the_period_before(analyst: TestClient) -> None:
    found = analyst.get("/api/analytics/dashboard/overview", params=MARCH).json()
    sent = found["metrics"]["sent"]
    assert (sent["value"], sent["before"], sent["change"]) == (5, 1, 4.0)
    assert found["top_campaigns"][0]["campaign_name"] == "Spring; sale"
    assert len(found["trend"]) == 10
    of_vips = analyst.get("/api/analytics/dashboard/overview", params=MARCH | {"segment": "vip"}).json()
    assert of_vips["metrics"]["sent"]["value"] == 2
    assert "campaign_spend" in of_vips["left_out"]
    month = analyst.get("/api/analytics/dashboard/overview").json()
    assert (month["since"], month["until"]) == ("2026-02-09", "2026-03-11")


def test_any_question_by_address_and_by_body_has_the_same_answer(analyst: TestClient) -> None:
    by_address = analyst.get(
        "/api/analytics/ask",
        params=[*MARCH.items(), ("metrics", "sent,revenue"), ("by", "country"), ("filter", "country:DE"),
                ("filter", "country:")],
    ).json()  # fmt: skip
    body = {"metrics": ["sent", "revenue"], "dimensions": ["country"], **MARCH,
            "filters": [{"dimension": "country", "values": ["DE", ""]}]}  # fmt: skip
    assert analyst.post("/api/analytics/ask", json=body).json() == by_address
    assert by_address["rows"] == [
        {"country": "DE", "country_name": "Germany", "sent": 3, "revenue": 8_000},
        {"country": None, "country_name": None, "sent": 1, "revenue": 1_000},
    ]  # fmt: skip
    assert "deliveries.fct_messages" in by_address["statements"]["messages"]


def test_a_question_that_cannot_be_answered_names_the_field(analyst: TestClient) -> None:
    refused = analyst.get("/api/analytics/ask", params={"metrics": "opne_rate", "period": "today"})
    fault = refused.json()["faults"][0]
    assert (refused.status_code, fault["path"]) == (422, "metrics")
    assert "open_rate" in fault["allowed"]


def test_a_figure_says_where_it_comes_from_and_shows_rows_to_those_who_may_see_people(doors: TestClient) -> None:
    hidden = signed_in(doors, "analyst").get("/api/analytics/lineage/revenue", params=MARCH).json()
    assert hidden["value"] == 9_000
    assert hidden["tables"][0]["model"] == "dbt/models/marts/commerce/fct_orders.sql"
    assert hidden["inputs"][0]["run_id"] == "run-1"
    assert hidden["sample"] == []
    shown = signed_in(doors, "marketer").get("/api/analytics/lineage/revenue", params=MARCH).json()
    assert {row["order_id"] for row in shown["sample"]} == {"o1", "o2", "o4", "o6"}


def test_what_can_be_asked_is_listed(analyst: TestClient) -> None:
    found = analyst.get("/api/analytics/metrics").json()
    rate = next(each for each in found["metrics"] if each["key"] == "open_rate")
    assert (rate["numerator"], rate["denominator"], rate["is_human_only"]) == (["opened"], ["delivered"], True)
    assert {"key": "channel", "name": "Channel"}.items() <= next(
        each for each in found["dimensions"] if each["key"] == "channel"
    ).items()


def test_answers_are_taken_away_as_files_and_that_is_written_down(analyst: TestClient) -> None:
    asked = {"metrics": ["sent", "revenue"], "dimensions": ["country"], "order": "-sent", **MARCH}
    answer = analyst.post("/api/analytics/reports/export", json={"format": "csv", "question": asked})
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[:2] == [["Country", "Country, name", "Sent", "Revenue (EUR)"], ["DE", "Germany", "3", "80.0"]]
    assert answer.headers["content-disposition"] == 'attachment; filename="figures-2026-03-01.csv"'
    assert read_audit(analyst.store)[0]["action"] == "export figures"  # type: ignore[attr-defined]
    book = analyst.post("/api/analytics/reports/export", json={"format": "xlsx", "question": asked})
    assert load_workbook(io.BytesIO(book.content))["Figures"]["C2"].value == 3
    page = analyst.post("/api/analytics/reports/export", json={"format": "pdf", "question": asked})
    assert page.content.startswith(b"%PDF-")
    refused = analyst.post("/api/analytics/reports/export", json={"format": "docx", "question": asked})
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (422, "format")
    neither = analyst.post("/api/analytics/reports/export", json={"format": "csv"})
    assert neither.json()["faults"][0]["path"] == "question"


def test_questions_are_kept_shared_and_asked_again(doors: TestClient) -> None:
    body = {"name": "Sent", "question": {"metrics": ["sent"], "period": "last_30_days"}, "is_shared": True}
    made = signed_in(doors, "analyst").post("/api/analytics/questions", json=body)
    assert made.status_code == 201
    path = f"/api/analytics/questions/{made.json()['id']}"
    changed = doors.put(path, json=body | {"name": "Sent lately", "revision": 1})
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    assert doors.put(path, json=body | {"revision": 1}).status_code == 409
    sales = signed_in(doors, "sales")
    assert sales.get(f"{path}/answer").json()["totals"] == {"sent": 6}
    assert sales.put(path, json=body | {"revision": 2}).status_code == 403
    exported = sales.post("/api/analytics/reports/export", json={"saved_question": made.json()["id"]})
    assert exported.content.decode("utf-8-sig").splitlines() == ["Sent", "6"]
    marketer = signed_in(doors, "marketer")
    assert marketer.delete(path).status_code == 403
    analyst = signed_in(doors, "analyst")
    assert analyst.delete(path).status_code == 204
    assert analyst.get(path).status_code == 404


def test_notes_on_days(analyst: TestClient) -> None:
    made = analyst.post("/api/analytics/annotations", json={"day": "2026-03-02", "words": "Prices went up"})
    assert made.status_code == 201
    found = analyst.get("/api/analytics/annotations", params=MARCH).json()["annotations"]
    assert [note["words"] for note in found] == ["Prices went up"]
    assert analyst.delete(f"/api/analytics/annotations/{made.json()['id']}").status_code == 204
    assert analyst.get("/api/analytics/annotations", params=MARCH).json() == {"annotations": []}
    assert analyst.post("/api/analytics/annotations", json={"day": "2026-03-02", "words": " "}).status_code == 422


@pytest.mark.parametrize("path", ["dashboard/overview", "campaigns/7/metrics", "metrics", "questions"])
def test_nobody_comes_in_without_signing_in(doors: TestClient, path: str) -> None:
    assert doors.get(f"/api/analytics/{path}").status_code == 401
