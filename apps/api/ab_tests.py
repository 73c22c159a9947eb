"""The doors of tests: make, look at, change, start, pause, stop, results, the winner by hand, another one afterwards.

Belongs here: who may do what and the order of steps. Stays out: plans and the library (`dmat/experiments`), shapes of
bodies (`ab_test_bodies.py`) and answers (`ab_test_answers.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from apps.api.ab_test_answers import log_json, results_json, whole_json
from apps.api.ab_test_bodies import (
    Reason,
    TestToChange,
    TestToMake,
    WhyStopped,
    WinnerToDeclare,
    naming_the_variation,
    plan_to_change,
    plan_to_make,
)
from apps.api.callers import caller_with
from apps.api.faults import REFUSALS, Door
from apps.api.once import IdempotencyKey, once
from dmat.errors import InvalidInputError
from dmat.experiments.factors import factors_of
from dmat.experiments.gain import count_rest, gains_of
from dmat.experiments.library import ExperimentLibrary, WantedTests
from dmat.experiments.plan import plan_schema
from dmat.experiments.records import STATUSES, Experiment, running_plan_of
from dmat.experiments.result_files import file_name, take_away
from dmat.experiments.running import TestRunner
from dmat.ledger.counters import read_counters
from dmat.segments.desk import Desk
from dmat.segments.export import FORMATS
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.access import Caller

LARGEST_BODY = 1024 * 1024
MOST_LISTED = 500
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in FORMATS.values()}}}

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="the test's number")]


def ab_tests_router(store: Store, desk: Desk, library: ExperimentLibrary) -> APIRouter:
    """/api/ab-tests and /api/ab-tests/{id}."""
    router = APIRouter(
        prefix="/api/ab-tests", tags=["tests"], route_class=Door, responses=REFUSALS, max_body_size=LARGEST_BODY
    )
    _add_looking(router, library, Depends(caller_with(store, "tests:read")))
    _add_results(router, desk, library, Depends(caller_with(store, "tests:read")))
    _add_making(router, library, Depends(caller_with(store, "tests:write")))
    _add_leading(router, library, Depends(caller_with(store, "tests:decide")))
    _add_deciding(router, library, Depends(caller_with(store, "tests:decide")))
    return router


def _add_looking(router: APIRouter, library: ExperimentLibrary, reader: Any) -> None:
    @router.get("", summary="List tests")
    def list_tests(
        _caller: Caller = reader,
        q: Annotated[str, Query(max_length=200, description="words in name, step or what was learnt")] = "",
        status: Annotated[str, Query(pattern=f"^$|^({'|'.join(STATUSES)})$")] = "",
        campaign_id: Annotated[int | None, Query(ge=1, alias="campaignId")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
        after: Annotated[int, Query(ge=0, description="`nextAfter` of the page before")] = 0,
    ) -> dict[str, Any]:
        """Tests by number."""
        wanted = WantedTests(statuses=(status,) if status else (), campaign_id=campaign_id, text=q)
        found = sorted(library.list(wanted), key=lambda each: each.experiment_id)
        later = [each for each in found if each.experiment_id > after]
        return {
            "tests": [whole_json(each) for each in later[:limit]],
            "total": len(found),
            "nextAfter": later[limit - 1].experiment_id if len(later) > limit else None,
        }

    @router.get("/plan-schema", summary="What a plan may say")
    def get_schema(_caller: Caller = reader) -> dict[str, Any]:
        """The JSON Schema of a plan."""
        return plan_schema()

    @router.get("/{test_id}", summary="One test")
    def get_test(test_id: Number, _caller: Caller = reader) -> Response:
        """Its card and its newest plan."""
        return _answer(library.get(test_id))

    @router.get("/{test_id}/log", summary="What happened to it")
    def get_log(test_id: Number, _caller: Caller = reader) -> dict[str, Any]:
        """Each step with who and why, the newest first."""
        return {"log": [log_json(line) for line in library.log(test_id)]}


def _add_results(router: APIRouter, desk: Desk, library: ExperimentLibrary, reader: Any) -> None:
    settings, store = library.settings, library.store

    @router.get("/{test_id}/results", summary="Its results now", response_model=None, responses=FILES)
    def get_results(
        test_id: Number,
        caller: Caller = reader,
        format_: Annotated[str, Query(alias="format", pattern="^(json|csv|xlsx)$")] = "json",
    ) -> dict[str, Any] | Response:
        """Rates with intervals, comparisons with the control, health, and what would be concluded.

        Of tests of two things at once `factors` has the effect of each and their interaction. With `format=csv` or
        `format=xlsx` it is a file of one line for each variation and metric, and the audit trail says who took it.

        `probability_best` and `is_significant` are two different statements. With always-valid inference results may
        be looked at whenever one likes; with the others they count at the end (at planned looks).
        """
        found, now = library.get(test_id), settings.clock.now()
        if format_ != "json":
            return _file(settings, store, desk, found, format_, caller)
        with store.read() as connection:
            plan, rest = running_plan_of(connection, found), count_rest(connection, found)
        judged = TestRunner(settings, store, desk.workspace).judge(found, plan, now)
        counts, waves = _counts(store, found), library.waves(test_id)
        factors = factors_of(plan, judged.design, judged.observed)
        gains = gains_of(judged.analysis, rest)
        decision = library.decision(test_id)
        answer: dict[str, Any] = results_json(found, judged, counts, waves, decision, now, factors, gains)
        return answer


def _file(settings: Settings, store: Store, desk: Desk, found: Experiment, wanted: str, caller: Caller) -> Response:
    content = take_away(settings, store, desk.workspace, found, wanted, caller.name)
    name = file_name(found, wanted, settings.clock.now())
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=FORMATS[wanted])


def _counts(store: Store, found: Experiment) -> dict[str, dict[str, int]]:
    """Variation -> what happened to its messages: accepted, delivered, read, clicked_human ..."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    if found.programme:
        for row in read_counters(store, found.programme):
            if row["step"] in found.plan.steps or (found.journey and row["variant"]):
                counts[row["variant"]][row["kind"]] += row["count"]
    return counts


def _add_making(router: APIRouter, library: ExperimentLibrary, writer: Any) -> None:
    settings, store = library.settings, library.store

    @router.post("/create", status_code=201, summary="Make a test")
    @router.post("", status_code=201, summary="Make a test", include_in_schema=False)
    def make_test(body: TestToMake, caller: Caller = writer, idempotency_key: IdempotencyKey = "") -> Response:
        """A draft; start it before the campaign's step is due."""

        def make() -> Response:
            plan = plan_to_make(settings, store, body, caller.name)
            return _answer(library.create(plan, caller.name), 201)

        return once(store, caller, "make test", idempotency_key, body.model_dump_json().encode(), make)

    @router.put("/{test_id}/config", summary="Change a test")
    def change_test(test_id: Number, body: TestToChange, caller: Caller = writer) -> Response:
        """What is left out stays. Once it runs only its name, its duration and who decides may change."""
        found = library.get(test_id)
        plan = plan_to_change(settings, store, body, found.plan, caller.name)
        return _answer(library.change(test_id, plan, caller.name, body.note, body.version))

    @router.delete("/{test_id}", status_code=204, summary="Delete a draft")
    def delete_test(test_id: Number, caller: Caller = writer) -> None:
        """Only a draft; anything else is stopped and stays."""
        library.delete(test_id, caller.name)


def _add_leading(router: APIRouter, library: ExperimentLibrary, decider: Any) -> None:
    ways: dict[str, tuple[str, str, Callable[[int, str, str], Experiment]]] = {
        "start": ("Let it run", "Its plan is fixed; people are given a variation when the step is due.",
                  lambda number, by, reason: library.start(number, by)),
        "pause": ("Pause it", "Nothing of its steps leaves or is decided; its clock stands still.", library.pause),
        "resume": ("Let it go on", "Its end moves by the time that it stood still.",
                   lambda number, by, reason: library.resume(number, by)),
    }  # fmt: skip
    for name, (summary, words, way) in ways.items():
        _add_way(router, library, decider, name, summary, words, way)


def _add_way(
    router: APIRouter,
    library: ExperimentLibrary,
    caller_of: Any,
    name: str,
    summary: str,
    words: str,
    way: Callable[[int, str, str], Experiment],
) -> None:
    def lead(
        test_id: Number, body: Reason | None = None, caller: Caller = caller_of, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        reason = body.reason if body else ""

        def work() -> Response:
            return _answer(way(test_id, caller.name, reason))

        return once(library.store, caller, f"{name} test {test_id}", idempotency_key, reason.encode(), work)

    lead.__doc__, lead.__name__ = words, f"{name}_test"
    router.post(f"/{{test_id}}/{name}", summary=summary)(lead)


def _add_deciding(router: APIRouter, library: ExperimentLibrary, decider: Any) -> None:
    @router.post("/{test_id}/declare-winner", summary="Say which variation wins")
    def declare_winner(
        test_id: Number, body: WinnerToDeclare, caller: Caller = decider, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """By hand, with a reason, whatever the figures say; all others get it now, each person once."""
        if not body.arm:
            raise InvalidInputError("variation", "say which variation wins", "the key of a variation")

        def work() -> Response:
            with naming_the_variation("variation"):
                return _answer(library.declare_winner(test_id, body.arm, caller.name, body.reason))

        action, given = f"declare winner of test {test_id}", body.model_dump_json().encode()
        return once(library.store, caller, action, idempotency_key, given, work)

    @router.post("/{test_id}/override-winner", summary="Decide otherwise after a decision")
    def override_winner(
        test_id: Number, body: WinnerToDeclare, caller: Caller = decider, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """Who has not been sent to gets this variation instead, who has been gets nothing more; the log keeps both."""

        def work() -> Response:
            with naming_the_variation("variation"):
                return _answer(library.override(test_id, body.arm, caller.name, body.reason))

        action, given = f"override winner of test {test_id}", body.model_dump_json().encode()
        return once(library.store, caller, action, idempotency_key, given, work)

    @router.post("/{test_id}/stop", summary="End it without a winner")
    def stop_test(
        test_id: Number, body: WhyStopped, caller: Caller = decider, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """All others get the variation `rest`; without it nobody else gets anything."""

        def work() -> Response:
            with naming_the_variation("rest"):
                return _answer(library.stop(test_id, caller.name, body.reason, body.rest))

        given = body.model_dump_json().encode()
        return once(library.store, caller, f"stop test {test_id}", idempotency_key, given, work)


def _answer(found: Experiment, status: int = 200) -> Response:
    headers = {"location": f"/api/ab-tests/{found.experiment_id}"} if status == 201 else {}
    return JSONResponse(whole_json(found), status, headers)
