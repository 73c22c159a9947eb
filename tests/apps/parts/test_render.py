"""Under test: what people typed is never taken for HTML, and a mail's preview asks nobody for anything."""

from __future__ import annotations

from datetime import datetime

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from apps.parts.charts import MOST_SERIES, Series, chart, library, sparkline
from apps.parts.icons import icon
from apps.parts.render import environment, offline_mail, pretty, render
from dmat.errors import NotFoundError

NOW = datetime(2026, 11, 20, 14, 5)


def test_text_from_outside_is_escaped_in_templates_and_in_macros():
    template = environment.from_string('{% from "parts/macros.jinja" import chip %}{{ chip(word) }}{{ word }}')
    made = template.render(word="<script>alert(1)</script>")
    assert "<script>" not in made
    assert made.count("&lt;script&gt;") == 2


def test_a_value_that_a_template_lacks_is_an_error_and_not_an_empty_place():
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing_here }}").render()


def test_times_carry_the_full_moment_for_machines_and_for_the_pointer():
    made = environment.from_string("{{ at | when }}").render(at=datetime(2026, 11, 20, 14, 0), now=NOW, zone="UTC")
    assert 'datetime="2026-11-20T14:00:00Z"' in made
    assert "Fri 20 Nov 2026, 14:00" in made
    assert ">5 min ago<" in made


@pytest.mark.parametrize(
    "source", ["<img src='https://t.example/p.gif'>", '<IMG width=1 src="//t.example/p">', "<img src=x>"]
)
def test_pictures_of_a_mail_are_not_fetched(source):
    shown = offline_mail(source)
    assert "t.example" not in shown
    assert 'src="data:image/svg+xml' in shown


def test_a_picture_inside_the_mail_itself_stays():
    source = "<img src='data:image/png;base64,AAAA'>"
    assert offline_mail(source) == source


def test_payloads_are_shown_with_line_breaks_and_broken_ones_as_they_are():
    assert pretty('{"a": [1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert pretty("{broken") == "{broken"


def test_an_icon_is_hidden_from_screen_readers_and_an_unknown_one_is_an_error():
    assert 'aria-hidden="true"' in icon("home")
    with pytest.raises(NotFoundError):
        icon("no such icon")


def test_a_chart_starts_its_bars_at_zero_describes_itself_and_has_at_most_four_series():
    options = chart(["a", "b"], [Series(f"s{n}", [1, 2]) for n in range(6)], "Two weeks.")
    assert options["yAxis"]["min"] == 0
    assert options["aria"] == {"enabled": True, "label": {"description": "Two weeks."}}
    assert len(options["series"]) == MOST_SERIES


def test_colours_of_charts_are_names_of_tokens():
    options = chart(["a"], [Series("s", [1], "series-1", "line")], "One.")
    assert options["series"][0]["lineStyle"]["color"] == "token:series-1"


def test_the_names_of_two_lines_that_end_at_the_same_height_do_not_lie_on_each_other():
    options = chart(["a", "b"], [Series("one", [9, 1], kind="line"), Series("two", [5, 1], kind="line")], "Two.")
    offsets = [series["endLabel"]["offset"][1] for series in options["series"]]
    assert abs(offsets[0] - offsets[1]) >= 14


def test_the_names_of_lines_that_all_end_at_the_top_stay_within_the_chart():
    lines = [Series(name, [1, 100], kind="line") for name in ("one", "two", "three", "four")]
    offsets = sorted(series["endLabel"]["offset"][1] for series in chart(["a", "b"], lines, "Four.")["series"])
    assert offsets == [0, 16, 32, 48]  # downwards


def test_echarts_comes_from_our_own_server():
    assert library().startswith("/static/extensions/panel/bundled/echarts/")


def test_a_sparkline_needs_two_points_and_escapes_its_label():
    assert sparkline([1], "x") == Markup("")
    made = sparkline([0, 5, None], '"><script>')
    assert "<script>" not in made
    assert 'role="img"' in made
    assert sparkline([None, 5, 3, None, 4], "x").count("M") == 4  # two runs, each with its area and its line


def test_a_template_of_every_screen_is_found():
    assert "Loading" in render("parts/skeleton.jinja", NOW, "UTC", lines=2)
