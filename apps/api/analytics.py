"""The doors of analytics: campaigns, campaigns compared, the dashboard, any question, files, saved questions, notes.

Belongs here: who may do what and the order of steps. Stays out: figures (`dmat/metrics`), shapes
(`analytics_answers.py`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apps.api.analytics_answers import (
    annotation_json,
    answer_json,
    campaign_json,
    comparison_json,
    dimension_json,
    lineage_json,
    metric_json,
    overview_json,
    saved_json,
)
from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from dmat.errors import InvalidInputError
from dmat.metrics import annotations as notes
from dmat.metrics import lineage, saved
from dmat.metrics.asking import Answer, ask
from dmat.metrics.catalogue import load
from dmat.metrics.overviews import campaign_figures, compare_campaigns, overview
from dmat.metrics.question import Question, read_address, read_question
from dmat.reports.files import KINDS, check_kind, file_of_answer
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.store.workspace_values import write_audit
from dmat.warehouse import Workspace

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
IDS = r"^\d{1,18}(,\d{1,18})*$"

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Since = Annotated[date | None, Query(description="the first day; without it the campaign's first")]
Until = Annotated[date | None, Query(description="the first day that is no longer in it; without it tomorrow")]
Segment = Annotated[str, Query(max_length=120, description="only members of this segment")]


class FileToMake(BaseModel):
    """A question, or the number of a saved one, and the format of the file."""

    model_config = ConfigDict(extra="forbid")

    format: str = Field("csv", max_length=10, description="csv, xlsx or pdf")
    question: dict[str, Any] | None = None
    saved_question: int | None = Field(None, ge=1)
    title: str = Field("Figures", max_length=200)


class QuestionToKeep(BaseModel):
    """A question with its name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    words: str = Field("", max_length=2000)
    chart: str = Field("table", max_length=20)
    question: dict[str, Any]
    is_shared: bool = False


class QuestionToChange(QuestionToKeep):
    """As `QuestionToKeep`, with the revision that was seen."""

    revision: int = Field(ge=1)


class NoteToWrite(BaseModel):
    """A note on one day or several."""

    model_config = ConfigDict(extra="forbid")

    day: date
    last_day: date | None = None
    words: str = Field(max_length=300)
    subject: str = Field("", max_length=80)


class Desk:
    """What the doors of analytics work with."""

    def __init__(self, settings: Settings, store: Store, view: Workspace) -> None:
        self.settings, self.store, self.view = settings, store, view

    def ask(self, question: Question) -> Answer:
        """Answer a question."""
        return ask(self.view, self.settings, question)

    def question_of(self, body: FileToMake, caller: Caller) -> Question:
        """The question of a file: from the body, or a saved one that the caller may see."""
        if (body.question is None) == (body.saved_question is None):
            raise InvalidInputError("question", "is missing, or there are two", "question or saved_question")
        if body.saved_question is not None:
            return saved.get(self.store, body.saved_question, caller.name).question
        return read_question(body.question or {})


def analytics_router(settings: Settings, store: Store, view: Workspace) -> APIRouter:
    """/api/analytics."""
    router = APIRouter(
        prefix="/api/analytics", tags=["analytics"], route_class=Door, responses=REFUSALS, max_body_size=64 * 1024
    )
    desk = Desk(settings, store, view)
    reader, writer = Depends(caller_with(store, "analytics:read")), Depends(caller_with(store, "analytics:write"))
    _add_campaigns(router, desk, reader)
    _add_questions(router, desk, reader)
    _add_files(router, desk, reader)
    _add_saved(router, desk, reader, writer)
    _add_notes(router, desk, reader, writer)
    return router


def _add_campaigns(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/campaigns/compare", summary="Campaigns side by side")
    def compare(
        ids: Annotated[str, Query(pattern=IDS, max_length=300, description="numbers of campaigns with commas, as 3,7")],
        _caller: Caller = reader,
        since: Since = None,
        until: Until = None,
        segment: Segment = "",
    ) -> dict[str, Any]:
        """Rates with 95 % intervals; differences from the first one, with intervals that hold for all at once."""
        numbers = [int(part) for part in ids.split(",")]
        return comparison_json(compare_campaigns(desk.view, desk.settings, numbers, since, until, segment))

    @router.get("/campaigns/{campaign_id}/metrics", summary="The figures of a campaign")
    def metrics(
        campaign_id: Number, _caller: Caller = reader, since: Since = None, until: Until = None, segment: Segment = ""
    ) -> dict[str, Any]:
        """Delivery, engagement, conversion, cost and return, by step and channel, and by day."""
        return campaign_json(campaign_figures(desk.view, desk.settings, campaign_id, since, until, segment))

    @router.get("/dashboard/overview", summary="The overview")
    def dashboard(request: Request, _caller: Caller = reader) -> dict[str, Any]:
        """Key figures with those of the period before, their course, the campaigns that brought most.

        Parameters: `period` (e.g. last_30_days) or `since` and `until`, `segment`, `compare`, `currency`, `grain`, and
        `filter` (dimension:value), which may be repeated.
        """
        given = [(name, value) for name, value in request.query_params.multi_items() if name != "metrics"]
        names = {name for name, _ in given}
        given += [] if names & {"period", "since", "until"} else [("period", "last_30_days")]
        given += [] if "compare" in names else [("compare", "previous")]
        wanted = read_address([("metrics", "sent"), *[each for each in given if each[0] not in ("by", "order")]])
        return overview_json(overview(desk.view, desk.settings, wanted))


def _add_questions(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.get("/metrics", summary="What can be asked")
    def catalogue(_caller: Caller = reader) -> dict[str, Any]:
        """Each metric with its definition, and the dimensions."""
        found = load()
        return {
            "metrics": [metric_json(each) for each in found.metrics.values()],
            "dimensions": [dimension_json(each) for each in found.dimensions.values()],
        }

    @router.get("/ask", summary="Ask a question by its address")
    def ask_by_address(request: Request, _caller: Caller = reader) -> dict[str, Any]:
        """`metrics`, `period` or `since` and `until`, `grain`, `by`, `filter`, `segment`, `compare`, `currency`, ..."""
        return answer_json(desk.ask(read_address(request.query_params.multi_items())))

    @router.post("/ask", summary="Ask a question")
    def ask_by_body(body: dict[str, Any], _caller: Caller = reader) -> dict[str, Any]:
        """The rows, the totals, the SQL that gave them."""
        return answer_json(desk.ask(read_question(body)))

    @router.get("/lineage/{metric}", summary="Where a figure comes from")
    def origin(
        metric: Annotated[str, Path(max_length=80)], request: Request, caller: Caller = reader
    ) -> dict[str, Any]:
        """Definition, SQL, models, commit, runs, inputs; rows for those who may see people. Parameters as of `/ask`."""
        given = [each for each in request.query_params.multi_items() if each[0] != "metrics"]
        wanted = read_address([("metrics", metric), *given])
        return lineage_json(lineage.of(desk.view, desk.settings, wanted, metric), caller.may("people:read"))


def _add_files(router: APIRouter, desk: Desk, reader: Any) -> None:
    @router.post("/reports/export", summary="An answer as a file")
    def export(body: FileToMake, caller: Caller = reader) -> Response:
        """CSV, XLSX or PDF. Each file is written down in the audit trail."""
        check_kind("format", body.format)
        answer = desk.ask(desk.question_of(body, caller))
        content = file_of_answer(desk.settings, desk.view, answer, body.format, body.title, desk.settings.clock.now())
        with desk.store.write() as connection:
            subject = ", ".join(answer.question.metrics)[:200]
            write_audit(
                connection, desk.settings.clock.now(), caller.name, "export figures", subject, format=body.format
            )
        since, _ = answer.question.days
        name = f'attachment; filename="figures-{since}.{body.format}"'
        return Response(content, media_type=KINDS[body.format], headers=NO_STORE | {"Content-Disposition": name})


def _add_saved(router: APIRouter, desk: Desk, reader: Any, writer: Any) -> None:
    @router.get("/questions", summary="Saved questions")
    def list_all(caller: Caller = reader) -> dict[str, Any]:
        """One's own and those that are shared."""
        return {"questions": [saved_json(each) for each in saved.listed(desk.store, caller.name)]}

    @router.get("/questions/{question_id}", summary="A saved question")
    def get_one(question_id: Number, caller: Caller = reader) -> dict[str, Any]:
        """One's own, or a shared one."""
        return saved_json(saved.get(desk.store, question_id, caller.name))

    @router.get("/questions/{question_id}/answer", summary="Ask a saved question")
    def answer_one(question_id: Number, caller: Caller = reader) -> dict[str, Any]:
        """As of now: a period moves with today."""
        return answer_json(desk.ask(saved.get(desk.store, question_id, caller.name).question))

    @router.post("/questions", status_code=201, summary="Save a question")
    def save_one(body: QuestionToKeep, caller: Caller = writer) -> dict[str, Any]:
        """For oneself, or shared with everybody."""
        now = desk.settings.clock.now()
        return saved_json(saved.save(desk.store, by=caller.name, now=now, **body.model_dump()))

    @router.put("/questions/{question_id}", summary="Change a saved question")
    def change_one(question_id: Number, body: QuestionToChange, caller: Caller = writer) -> dict[str, Any]:
        """409 when it was changed since `revision`."""
        now = desk.settings.clock.now()
        return saved_json(saved.change(desk.store, question_id, by=caller.name, now=now, **body.model_dump()))

    @router.delete("/questions/{question_id}", status_code=204, summary="Delete a saved question")
    def delete_one(question_id: Number, caller: Caller = writer) -> Response:
        """Only one's own."""
        saved.delete(desk.store, question_id, caller.name, desk.settings.clock.now())
        return Response(status_code=204)


def _add_notes(router: APIRouter, desk: Desk, reader: Any, writer: Any) -> None:
    @router.get("/annotations", summary="Notes on days")
    def list_notes(
        since: Annotated[date, Query()],
        until: Annotated[date, Query()],
        _caller: Caller = reader,
        subject: Annotated[str, Query(max_length=80)] = "",
    ) -> dict[str, Any]:
        """Those about everything, and about `subject`."""
        found = notes.annotations_of(desk.store, since, until, (subject,) if subject else ())
        return {"annotations": [annotation_json(note) for note in found]}

    @router.post("/annotations", status_code=201, summary="Write a note")
    def write_note(body: NoteToWrite, caller: Caller = writer) -> dict[str, Any]:
        """What happened that figures do not know."""
        now = desk.settings.clock.now()
        return annotation_json(notes.annotate(desk.store, by=caller.name, now=now, **body.model_dump()))

    @router.delete("/annotations/{annotation_id}", status_code=204, summary="Take a note back")
    def delete_note(annotation_id: Number, caller: Caller = writer) -> Response:
        """Only one's own."""
        notes.take_back(desk.store, annotation_id, caller.name, desk.settings.clock.now())
        return Response(status_code=204)
