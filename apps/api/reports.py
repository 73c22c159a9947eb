"""The doors of reports: those there are, one made now, what was made, its files and mails.

Belongs here: who may do what. Stays out: what a report says (`dmat/reports`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from apps.api.callers import caller_with
from apps.api.campaign_bodies import Body
from apps.api.faults import REFUSALS, Door
from apps.api.lead_bodies import zulu
from dmat.reports.files import KINDS, file_name, file_of
from dmat.reports.library import find_report, read_reports, remove_report, save_report
from dmat.reports.mailing import send_report
from dmat.reports.making import Made, find_made, make_report, read_made
from dmat.reports.plan import check_recipients
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller
from dmat.warehouse import Workspace

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Key = Annotated[str, Path(max_length=60)]
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Mailing(Body):
    """Who gets a report."""

    to: Annotated[list[str], Field(min_length=1, max_length=50)]


def reports_router(settings: Settings, store: Store) -> APIRouter:
    """/api/reports."""
    router = APIRouter(
        prefix="/api/reports", tags=["reports"], route_class=Door, responses=REFUSALS, max_body_size=256 * 1024
    )
    reader, writer = Depends(caller_with(store, "analytics:read")), Depends(caller_with(store, "analytics:write"))
    _add_made(router, settings, store, reader, writer)
    _add_reports(router, settings, store, reader, writer)
    return router


def _add_reports(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    view = Workspace(settings)

    @router.get("", summary="Reports")
    def get_reports(_caller: Caller = reader) -> dict[str, Any]:
        """All of them, by topic and name."""
        return {"reports": [report.model_dump(mode="json") for report in read_reports(store)]}

    @router.post("", status_code=201, summary="Make a report of your own")
    def post_report(body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """With a key of its own."""
        return save_report(store, settings, body, caller.name, is_new=True).model_dump(mode="json")

    @router.put("/{key}", summary="Change a report")
    def put_report(key: Key, body: dict[str, Any], caller: Caller = writer) -> dict[str, Any]:
        """The whole report, with schedule and recipients."""
        find_report(store, key)
        return save_report(store, settings, {**body, "key": key}, caller.name).model_dump(mode="json")

    @router.delete("/{key}", status_code=204, summary="Take a report away")
    def delete_report(key: Key, caller: Caller = writer) -> None:
        """What was made of it stays."""
        remove_report(store, settings, key, caller.name)

    @router.post("/{key}/make", status_code=201, summary="Make a report now")
    def post_make(key: Key, caller: Caller = writer) -> dict[str, Any]:
        """Its figures are kept."""
        return _made(make_report(settings, store, view, find_report(store, key), caller.name))


def _add_made(router: APIRouter, settings: Settings, store: Store, reader: Any, writer: Any) -> None:
    def found(number: int) -> Made:
        with store.read() as connection:
            return find_made(connection, number)

    @router.get("/made", summary="What was made")
    def get_made(key: Annotated[str, Query(max_length=60)] = "", _caller: Caller = reader) -> dict[str, Any]:
        """The newest first."""
        return {"made": [_made(each, with_figures=False) for each in read_made(store, key)]}

    @router.get("/made/{number}", summary="One that was made")
    def get_one(number: Number, _caller: Caller = reader) -> dict[str, Any]:
        """With its figures."""
        return _made(found(number))

    @router.get("/made/{number}/file", summary="One that was made, as a file")
    def get_file(
        number: Number,
        kind: Annotated[str, Query(max_length=10, description="pdf, xlsx or csv")] = "pdf",
        _caller: Caller = reader,
    ) -> Response:
        """The same report gives the same file."""
        made = found(number)
        content = file_of(settings, made, kind)
        headers = {"Content-Disposition": f'attachment; filename="{file_name(made, kind)}"', **NO_STORE}
        return Response(content, media_type=KINDS[kind], headers=headers)

    @router.post("/made/{number}/mail", summary="Send one that was made")
    def post_mail(number: Number, body: Mailing, caller: Caller = writer) -> dict[str, Any]:
        """Once to each address, through the ledger."""
        to = check_recipients(body.to)
        with store.write() as connection:
            send_report(connection, settings, find_made(connection, number), to, settings.clock.now())
        return {"to": to}


def _made(made: Made, with_figures: bool = True) -> dict[str, Any]:
    found = {
        "number": made.report_run_id, "report": made.report_key, "version": made.report_version, "title": made.title,
        "since": made.since.isoformat(), "until": made.until.isoformat(), "data_version": made.data_version,
        "as_of": zulu(made.as_of), "run_ids": list(made.run_ids), "made_at": zulu(made.made_at),
        "made_by": made.made_by, "told": list(made.told),
    }  # fmt: skip
    return found | ({"figures": made.figures} if with_figures else {})
