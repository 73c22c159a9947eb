"""Under test: the mail to sales says what a rep needs, and what somebody typed into a form does nothing in it."""

from __future__ import annotations

import sqlalchemy as sa
from lead_world import LEAD_NOON

from dmat.messages.rendering import Renderer
from dmat.messages.sales_notice import notice_values
from dmat.scoring.alerts import note_scores
from dmat.scoring.leads import take_in
from dmat.scoring.live import note_activity
from dmat.scoring.notices import slack_text
from dmat.store.tables import ledger_entries

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}\r\nBcc: x@evil.example"


def rendered(world, **lead):
    taken, _ = take_in(world.store, {"email": "john@example.com"} | lead, LEAD_NOON, "ann")
    for activity in ("demo_request", "page_visit"):
        noted = note_activity(world.store, world.view, taken.lead_id, activity, LEAD_NOON, "ann")
    note_scores(world.settings, world.store, [noted.after], LEAD_NOON)
    with world.store.read() as connection:
        context = connection.execute(sa.select(ledger_entries.c.context)).scalar_one()
    with Renderer() as renderer:
        values = notice_values(world.settings, context, "https://shop.example/u", lambda url: url)
        return renderer.render("sales_notice", values)


def test_a_notice_has_breakdown_history_company_and_next_step(lead_world):
    mail = rendered(lead_world, name="John Doe", company_name="Tech Corp", industry="Technology")
    assert mail.subject == "John Doe crossed 50 points"
    for part in (mail.html, mail.text):
        for words in ("Tech Corp", "Technology", "asked for a demo or a quote", "50.0", "visited the pricing page",
                      "Call to agree on a date", "/leads?id=1"):  # fmt: skip
            assert words in part


def test_a_line_of_slack_has_breakdown_history_company_and_next_step(lead_world):
    taken, _ = take_in(lead_world.store, {"email": "jo@example.com", "company_name": "Tech Corp",
                                          "industry": "COMPUTER_SOFTWARE"}, LEAD_NOON, "ann")  # fmt: skip
    for activity in ("demo_request", "page_visit"):
        noted = note_activity(lead_world.store, lead_world.view, taken.lead_id, activity, LEAD_NOON, "ann")
    note_scores(lead_world.settings, lead_world.store, [noted.after], LEAD_NOON)
    with lead_world.store.read() as connection:
        said = slack_text(connection.execute(sa.select(ledger_entries.c.context)).scalar_one())
    lines = dict(line.partition(": ")[::2] for line in said.splitlines() if ": " in line)
    assert lines["Score 65 (hot)"] == "asked for a demo or a quote 50.0, visited the pricing page 15.0"
    assert (lines["Company"], lines["Industry"]) == ("Tech Corp", "Computer software")
    assert lines["Lately"].startswith("04 Mar 2026 12:00 UTC: ")
    assert lines["Next step"].startswith("Call to agree on a date")


def test_what_somebody_typed_is_text_and_nothing_more(lead_world):
    mail = rendered(lead_world, name=HOSTILE, company_name=HOSTILE)
    assert "<script>" not in mail.html
    assert "49" not in mail.subject
    assert "\n" not in mail.subject
    assert "{{ 7 * 7 }}" in mail.text
