"""Under test: what commands share; an error is one red line whatever it quotes, and documents are refused by place."""

from __future__ import annotations

import pytest
import typer
from pydantic import BaseModel

from dmat.documents import read_document
from dmat.errors import InvalidInputError, NotFoundError
from dmat.terminal import opened


@pytest.mark.parametrize("typed", ["[/]", "[link=http://evil.example]here[/link]", "[bold]"])
def test_what_an_error_quotes_is_printed_as_it_was_typed(tmp_path, capsys, typed):
    with pytest.raises(typer.Exit) as left, opened(tmp_path):
        raise NotFoundError(f"there is no journey {typed}")
    assert left.value.exit_code == 1
    assert f"there is no journey {typed}" in capsys.readouterr().out


class Line(BaseModel):
    share: float


class Sheet(BaseModel):
    lines: list[Line]


def test_a_document_is_refused_by_the_place_that_is_wrong():
    with pytest.raises(InvalidInputError) as refused:
        read_document(Sheet, {"lines": [{"share": 1}, {"share": "much"}]}, "sheet", 1_000)
    assert refused.value.field == "lines[1].share"
    with pytest.raises(InvalidInputError) as whole:
        read_document(Sheet, {"lines": [{"share": 1}] * 500}, "sheet", 1_000)
    assert (whole.value.field, whole.value.allowed) == ("sheet", "1,000 characters")
    sheet = Sheet(lines=[])
    assert read_document(Sheet, sheet, "sheet", 1) is sheet
