"""Under test: a report says what its questions say, in every kind of file; its schedule makes and mails it once."""

from __future__ import annotations

import csv
import io
import re
import zlib
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from metric_world import NOW
from openpyxl import load_workbook

from dmat.errors import ConflictError, InvalidInputError, NotFoundError, UnverifiedError
from dmat.messages.rendering import Renderer
from dmat.messages.report_mail import report_values
from dmat.metrics.asking import ask
from dmat.metrics.question import Question
from dmat.reports.charts import chart_of
from dmat.reports.courses import course_of
from dmat.reports.library import (
    due_reports,
    find_report,
    next_due,
    read_reports,
    remove_report,
    save_report,
    shipped_reports,
)
from dmat.reports.mailing import send_report
from dmat.reports.making import answer_report, days_words, find_made, make_report, read_made
from dmat.reports.pdf import answer_as_pdf, as_pdf
from dmat.reports.plan import Schedule, read_report
from dmat.reports.running import make_due_reports
from dmat.reports.sharing import pdf_url, read_key
from dmat.reports.sheets import as_csv, as_xlsx
from dmat.store.alert_tables import reports
from dmat.store.tables import ledger_entries

HOSTILE = '=1+1 #image("/etc/passwd") *bold* <script>'
MINE = {
    "key": "mine", "name": "My report", "period": "last_week", "recipients": ["Ann@shop.example", "ann@shop.example"],
    "schedule": {"every": "week", "weekday": 2, "hour": 7},
    "sections": [
        {"title": "Key figures", "metrics": ["revenue", "orders", "delivery_rate"]},
        {"title": "By day", "metrics": ["revenue"], "grain": "day", "chart": "line"},
        {"title": HOSTILE, "metrics": ["orders", "revenue"], "dimensions": ["source"], "chart": "bar"},
    ],
}  # fmt: skip


@pytest.fixture
def made(quarter):
    save_report(quarter.store, quarter.settings, MINE, "ann")
    return make_report(quarter.settings, quarter.store, quarter.view, find_report(quarter.store, "mine"), "ann")


def mails(quarter):
    with quarter.store.read() as connection:
        query = sa.select(ledger_entries.c.address, ledger_entries.c.context)
        return [(row.address, row.context) for row in connection.execute(query)]


def test_there_are_fifty_reports_and_each_can_be_asked(quarter):
    assert len(shipped_reports()) >= 50
    assert len({report.key for report in shipped_reports()}) == len(shipped_reports())
    for report in shipped_reports():
        assert report.words
        assert read_report(report.model_dump()) == report
        _, figures = answer_report(quarter.view, quarter.settings, report, NOW)
        assert len(figures["sections"]) == len(report.sections)


def test_what_moved_is_of_the_part_that_all_sections_are_of(quarter):
    quarter.publish({NOW.date() - timedelta(days=number): 30 for number in range(1, 29)})
    only = [{"dimension": "country", "values": ["DE"]}]
    sections = [{"title": "Here", "metrics": ["orders"], "filters": only}]
    report = {"key": "here", "name": "Here", "period": "last_28_days", "sections": sections}
    _, figures = answer_report(quarter.view, quarter.settings, read_report(report), NOW)
    question = read_report(report).sections[0].question("last_28_days", compare="previous")
    part = ask(quarter.view, quarter.settings, question.dated(NOW.date()))
    assert part.totals["orders"]
    assert [
        said for said in figures["insights"] if said.startswith("Orders") and f" to {part.totals['orders']:,} " in said
    ]
    assert "filter=country%3ADE" in figures["moves"][0]
    mixed = report | {"sections": [*sections, {"title": "All", "metrics": ["revenue"]}]}
    _, figures = answer_report(quarter.view, quarter.settings, read_report(mixed), NOW)
    assert not [said for said in figures["insights"] if said.startswith("Orders")]
    assert [said for said in figures["insights"] if said.startswith("Revenue")]


def test_figures_are_those_of_the_questions(quarter, made):
    assert (made.since, made.until) == (date(2026, 3, 2), date(2026, 3, 9))
    section = find_report(quarter.store, "mine").sections[0]
    answer = ask(quarter.view, quarter.settings, section.question(since=made.since, until=made.until))
    assert made.figures["sections"][0]["totals"] == answer.totals
    assert len(made.figures["sections"][1]["rows"]) == 7
    assert sum(row[1] for row in made.figures["sections"][2]["rows"]) == answer.totals["orders"]


def test_what_was_made_stays_as_it_was(quarter, made):
    quarter.publish({date(2026, 3, 4): 500})
    with quarter.store.read() as connection:
        kept = find_made(connection, made.report_run_id)
    assert kept == made
    assert as_pdf(quarter.settings, kept) == as_pdf(quarter.settings, made)
    assert [each.report_run_id for each in read_made(quarter.store, "mine")] == [made.report_run_id]
    with quarter.store.read() as connection, pytest.raises(NotFoundError):
        find_made(connection, 99)


def test_the_pdf_is_tagged_and_takes_text_as_text(quarter, made):
    found = as_pdf(quarter.settings, made)
    assert found.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in found
    assert b"pdfuaid" in found
    assert len(found) < 500_000


def test_one_answer_is_a_page_too(quarter):
    question = Question(metrics=("orders", "delivery_rate"), period="last_week", grain="day", compare="previous")
    answer = ask(quarter.view, quarter.settings, question)
    found = answer_as_pdf(quarter.settings, answer, HOSTILE, NOW, "line")
    assert found.startswith(b"%PDF-")
    assert found != answer_as_pdf(quarter.settings, answer, HOSTILE, NOW)
    assert found != answer_as_pdf(quarter.settings, answer, HOSTILE, NOW, "line", ["run-1"])


def test_lines_are_the_largest_of_one_unit_and_nothing_happened_is_zero():
    columns = [
        {"key": "day", "name": "Day", "role": "grain", "unit": ""},
        {"key": "channel", "name": "Channel", "role": "dimension", "unit": ""},
        {"key": "sent", "name": "Sent", "role": "metric", "unit": "count"},
        {"key": "open_rate", "name": "Open rate", "role": "metric", "unit": "rate"},
    ]
    rows = [["2026-03-02", f"c{n}", n, 0.5] for n in range(6)] + [["2026-03-01", "c5", 9, None]]
    section = {"columns": columns, "rows": rows, "labels": {}}
    course = course_of(section)
    assert course.moments == ("2026-03-01", "2026-03-02")
    assert list(course.series.values()) == [(9, 5), (0, 4), (0, 3), (0, 2)]
    flat = course_of({"columns": [columns[0], columns[3]], "rows": [["2026-03-01", None]], "labels": {}})
    assert flat.series == {"Open rate": (None,)}
    both = course_of({"columns": [columns[0], *columns[2:]], "rows": [["2026-03-01", 1, 0.5]], "labels": {}})
    assert both.series == {"Sent": (1,)}


def test_a_chart_is_drawn_only_where_there_is_something(made):
    key_figures, by_day, by_source = made.figures["sections"]
    assert chart_of(key_figures) is None
    svg, words = chart_of(by_day)
    assert words == "Revenue by day"
    assert svg.startswith("<svg")
    assert chart_of(by_source)[1] == "Orders by source"
    assert chart_of(by_day | {"rows": []}) is None


def test_the_workbook_has_a_sheet_a_section_and_no_formulas(made):
    book = load_workbook(io.BytesIO(as_xlsx(made)))
    assert len(book.sheetnames) == 4
    assert book.sheetnames[0] == "Key figures"
    assert book["Key figures"]["A2"].value == "Revenue"
    assert book["Key figures"]["B2"].value == made.figures["sections"][0]["totals"]["revenue"] / 100
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_the_table_of_text_has_a_line_for_each_figure(made):
    lines = list(csv.DictReader(io.StringIO(as_csv(made).lstrip("\ufeff"))))
    [orders] = [line for line in lines if (line["section"], line["metric"]) == ("Key figures", "Orders")]
    assert float(orders["value"]) == made.figures["sections"][0]["totals"]["orders"]
    assert len([line for line in lines if line["section"] == "By day" and line["day, week or month"]]) == 7
    assert not any(value.startswith("=") for line in lines for value in line.values())


def test_by_its_schedule_a_report_is_made_and_mailed_once(quarter):
    save_report(quarter.store, quarter.settings, MINE, "ann")  # Tuesday 10 March, noon: due on the 17th at 7
    assert make_due_reports(quarter.settings, quarter.store, quarter.view).made == ()
    quarter.settings.clock.set(datetime(2026, 3, 17, 7, 1))
    first = make_due_reports(quarter.settings, quarter.store, quarter.view)
    assert (first.made, first.mails) == (("mine",), 1)
    assert make_due_reports(quarter.settings, quarter.store, quarter.view).made == ()
    assert [address for address, _ in mails(quarter)] == ["ann@shop.example"]
    assert due_reports(quarter.store, datetime(2026, 3, 24, 7)) == [("mine", datetime(2026, 3, 24, 7))]


def test_a_report_that_was_made_but_not_mailed_is_mailed_and_not_made_again(quarter):
    save_report(quarter.store, quarter.settings, MINE, "ann")
    quarter.settings.clock.set(datetime(2026, 3, 17, 7, 1))
    report = find_report(quarter.store, "mine")
    before = make_report(quarter.settings, quarter.store, quarter.view, report, "schedule", "2026-03-17T07:00")
    assert make_due_reports(quarter.settings, quarter.store, quarter.view).mails == 1
    [only] = read_made(quarter.store, "mine")
    assert only.report_run_id == before.report_run_id
    assert only.told == ("ann@shop.example",)


def test_a_report_whose_metric_is_gone_is_named_and_the_list_stays_whole(quarter):
    save_report(quarter.store, quarter.settings, MINE, "ann")
    with quarter.store.write() as connection:
        document = MINE | {"sections": [{"title": "x", "metrics": ["gone"]}]}
        connection.execute(sa.update(reports).values(document=document))
    quarter.settings.clock.set(datetime(2026, 3, 17, 7, 1))
    assert "gone" in make_due_reports(quarter.settings, quarter.store, quarter.view).faulty["mine"]
    assert len(read_reports(quarter.store)) == len(shipped_reports()) + 1


def test_a_report_whose_segment_is_gone_is_named_and_the_others_are_made(quarter):
    save_report(quarter.store, quarter.settings, MINE, "ann")
    save_report(quarter.store, quarter.settings, MINE | {"key": "lost", "segment": "vanished"}, "ann")
    quarter.settings.clock.set(datetime(2026, 3, 17, 7, 1))
    found = make_due_reports(quarter.settings, quarter.store, quarter.view)
    assert found.made == ("mine",)
    assert "segment" in found.faulty["lost"]


def test_the_mail_has_the_figures_and_leads_to_the_rest(quarter, made):
    with quarter.store.write() as connection:
        send_report(connection, quarter.settings, made, ["bob@shop.example"], NOW)
    with Renderer() as renderer:
        values = report_values(quarter.settings, mails(quarter)[0][1], "https://shop.example/u", lambda url: url)
        mail = renderer.render("report_mail", values)
    assert mail.subject == "My report: 2 to 8 March 2026"
    for part in (mail.html, mail.text):
        assert "Revenue" in part
        assert f"made={made.report_run_id}" in part
        assert "version 1 of the tables" in part
        assert "/reports-file?key=" in part


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        (Schedule(), datetime(2026, 3, 10), None),
        (Schedule(every="day", hour=7), datetime(2026, 3, 10, 5, 59), datetime(2026, 3, 10, 6)),
        (Schedule(every="day", hour=7), datetime(2026, 3, 10, 6), datetime(2026, 3, 11, 6)),
        (Schedule(every="day", hour=7), datetime(2026, 3, 28, 12), datetime(2026, 3, 29, 5)),
        (Schedule(every="day", hour=2), datetime(2026, 3, 28, 12), datetime(2026, 3, 29, 1)),
        (Schedule(every="week", weekday=1, hour=0), datetime(2026, 3, 10), datetime(2026, 3, 15, 23)),
        (Schedule(every="month", monthday=1, hour=7), datetime(2026, 3, 10), datetime(2026, 4, 1, 5)),
    ],
)
def test_a_schedule_follows_the_clock_on_the_wall(schedule, after, due):
    assert next_due(schedule, after, "Europe/Berlin") == due


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"period": "tomorrow"}, "period"),
        ({"sections": []}, "sections"),
        ({"sections": [{"title": "x", "metrics": ["nonsense"]}]}, "metrics"),
        ({"sections": [{"title": "x", "metrics": ["revenue"], "chart": "line"}]}, "chart"),
        ({"sections": [{"title": "x", "metrics": ["ad_spend"], "dimensions": ["country"]}]}, "dimensions"),
        ({"recipients": ["nobody"]}, "recipients[0]"),
        ({"schedule": {"every": "week", "hour": 30}}, "schedule.hour"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_faulty_report_names_its_field(changes, field):
    with pytest.raises(InvalidInputError) as refused:
        read_report(MINE | changes)
    assert refused.value.field == field


def test_reports_are_changed_and_taken_away(quarter):
    daily = find_report(quarter.store, "daily-digest").model_dump(mode="json")
    save_report(quarter.store, quarter.settings, daily | {"name": "Our day"}, "ann")
    assert find_report(quarter.store, "daily-digest").name == "Our day"
    with pytest.raises(ConflictError):
        save_report(quarter.store, quarter.settings, daily, "ann", is_new=True)
    remove_report(quarter.store, quarter.settings, "daily-digest", "ann")
    assert "daily-digest" not in {report.key for report in read_reports(quarter.store)}


def test_days_are_said_shortly():
    assert days_words(date(2026, 3, 9), date(2026, 3, 10)) == "9 March 2026"
    assert days_words(date(2026, 3, 1), date(2026, 4, 1)) == "1 to 31 March 2026"
    assert days_words(date(2026, 2, 20), date(2026, 2, 20) + timedelta(days=14)) == "20 Feb 2026 to 5 Mar 2026"


def test_the_pdf_leads_down_to_where_its_figures_come_from(quarter, made):
    found = as_pdf(quarter.settings, made)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", found, re.DOTALL)
    text = b"".join([found, *(_unpacked(stream) for stream in streams)])
    assert text.count(f"/reports?made={made.report_run_id}".encode()) >= 1
    assert text.count(b"/analytics?view=reports&asked=") >= len(made.figures["sections"])
    sources = made.figures["sections"][2]
    numbers = 3 + 2 * len(sources["rows"])  # three key figures, and two columns of each source
    assert len(set(re.findall(rb"/analytics\?figure=[^)]*report=%d\b" % made.report_run_id, text))) == numbers


def test_the_link_of_a_mail_gives_its_own_report_until_it_ends(quarter, made):
    settings = quarter.settings
    [key] = parse_qs(urlsplit(pdf_url(settings, made.report_run_id, NOW)).query)["key"]
    assert read_key(settings, key, NOW) == made.report_run_id
    assert read_key(settings, key, NOW + timedelta(days=30)) == made.report_run_id
    another = key.replace(f"{made.report_run_id}~", f"{made.report_run_id + 1}~")
    refused = ((key, NOW + timedelta(days=31)), (another, NOW), (f"{key}x", NOW), ("", NOW), ("7", NOW))
    for wrong, now in refused:
        with pytest.raises(UnverifiedError):
            read_key(settings, wrong, now)
    closed = settings.model_copy(update={"report_link_days": 0})
    assert pdf_url(closed, made.report_run_id, NOW) == ""
    with pytest.raises(UnverifiedError):
        read_key(closed, key, NOW)


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""
