"""Routes of runs: started, waited for, cancelled, and their logs, also as they are written."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from syncline.api.access import Guarded, TheActor, ThePlane, authenticated
from syncline.api.run_schemas import (
    MendedRowsIn,
    RejectedRowsOut,
    ResentOut,
    RunIn,
    RunOut,
    RunRowOut,
)
from syncline.control.access import Actor
from syncline.control.plane import Plane
from syncline.control.runs import Run, RunEvent, RunOptions, State
from syncline.control.usecases.rejects import MOST, see_rejects, send_rejects
from syncline.control.usecases.runs import see_events, see_run, see_runs, start_run, stop_run
from syncline.errors import SynclineError

router = APIRouter(route_class=Guarded, tags=["runs"])
#: How often a run that is waited for is looked at, in seconds.
_POLL = 0.5
#: Something is sent at least so often, so that nobody in between hangs up.
_ALIVE = 15.0
#: Who follows a log is asked again who it is so often.
_KNOWN = 5.0
_AT_ONCE = 500
_EVENT = TypeAdapter(RunEvent)


@router.post("/jobs/{name}/runs", status_code=202, summary="Start a run; wait for its end if asked")
async def started(
    *, plane: ThePlane, actor: TheActor, name: str, given: RunIn, response: Response
) -> RunOut:
    options = RunOptions(tasks=tuple(given.tasks), full=given.full, sweep=given.sweep)
    run_id = await start_run(plane, actor, name, options)
    until = plane.clock.monotonic() + given.wait
    run = await see_run(plane, actor, run_id)
    while not run.state.over and plane.clock.monotonic() < until:
        await plane.clock.sleep(_POLL)
        run = await see_run(plane, actor, run_id)
    if run.state.over:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/runs/{run_id}"
    return RunOut.model_validate(run)


@router.get("/runs", summary="List runs, the newest first")
async def listed(
    *,
    plane: ThePlane,
    actor: TheActor,
    job: Annotated[str | None, Query(description="Only of this job.")] = None,
    state: Annotated[list[State], Query(default_factory=list, description="Again for more.")],
    before: Annotated[str | None, Query(description="Id of the last run seen.")] = None,
    limit: Annotated[int, Query(ge=1, le=_AT_ONCE)] = 50,
) -> list[RunRowOut]:
    last: Run | None = await see_run(plane, actor, before) if before else None
    found = await see_runs(plane, actor, job=job, states=tuple(state), before=last, limit=limit)
    return [RunRowOut.model_validate(run) for run in found]


@router.get("/runs/{run_id}", summary="Look at a run and its tasks")
async def one(plane: ThePlane, actor: TheActor, run_id: str) -> RunOut:
    return RunOut.model_validate(await see_run(plane, actor, run_id))


@router.post("/runs/{run_id}/cancel", status_code=202, summary="Ask a run to end")
async def cancelled(plane: ThePlane, actor: TheActor, run_id: str) -> RunOut:
    await stop_run(plane, actor, run_id)
    return RunOut.model_validate(await see_run(plane, actor, run_id))


@router.get("/runs/{run_id}/tasks/{number}/rejects", summary="Read rows that were rejected")
async def rejects(
    *,
    plane: ThePlane,
    actor: TheActor,
    run_id: str,
    number: Annotated[int, Path(ge=0, le=2**31)],
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> RejectedRowsOut:
    found = await see_rejects(plane, actor, run_id, number, limit=limit)
    return RejectedRowsOut.model_validate(found)


@router.post("/runs/{run_id}/tasks/{number}/rejects/send", summary="Send rejected rows again")
async def resent(
    *,
    plane: ThePlane,
    actor: TheActor,
    run_id: str,
    number: Annotated[int, Path(ge=0, le=2**31)],
    given: MendedRowsIn,
) -> ResentOut:
    rows = {row.id: row.record for row in given.rows}
    return ResentOut.model_validate(await send_rejects(plane, actor, run_id, number, rows))


@router.get("/runs/{run_id}/events", summary="Read the log of a run")
async def events(
    plane: ThePlane,
    actor: TheActor,
    run_id: str,
    after: Annotated[int, Query(ge=0, le=2**62, description="Id of the last line seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=_AT_ONCE)] = _AT_ONCE,
) -> list[RunEvent]:
    return list(await see_events(plane, actor, run_id, after=after, limit=limit))


@router.get(
    "/runs/{run_id}/events/stream",
    summary="Follow the log of a run, as server-sent events, to its end",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def followed(
    *,
    request: Request,
    plane: ThePlane,
    actor: TheActor,
    run_id: str,
    last_event_id: Annotated[str, Header(pattern="^[0-9]{0,18}$")] = "",
) -> StreamingResponse:
    # What cannot be seen is refused before anything is sent.
    run = await see_run(plane, actor, run_id)
    return StreamingResponse(
        _lines(plane, actor, partial(authenticated, request), run.id, int(last_event_id or 0)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(
    plane: Plane, actor: Actor, who: Callable[[], Awaitable[Actor]], run_id: str, after: int
) -> AsyncIterator[str]:
    known = spoken = plane.clock.monotonic()
    try:
        while True:
            if plane.clock.monotonic() - known > _KNOWN:
                # A token that has ended, or a role that was taken away, shows nothing more.
                actor, known = await who(), plane.clock.monotonic()
            # In this order: what was written before the end is read after it.
            run = await see_run(plane, actor, run_id)
            found = await see_events(plane, actor, run_id, after=after, limit=_AT_ONCE)
            for event in found:
                after = event.id
                yield _line(event)
            if found:
                spoken = plane.clock.monotonic()
                continue
            if run.state.over:
                content = RunOut.model_validate(run).model_dump_json()
                yield f"event: end\ndata: {content}\n\n"
                return
            if plane.clock.monotonic() - spoken > _ALIVE:
                spoken = plane.clock.monotonic()
                yield ": still here\n\n"
            await plane.clock.sleep(_POLL)
    except SynclineError as error:
        yield f"event: error\ndata: {json.dumps({'code': error.code, 'detail': str(error)})}\n\n"


def _line(event: RunEvent) -> str:
    content = _EVENT.dump_json(event).decode()
    return f"id: {event.id}\nevent: {event.kind}\ndata: {content}\n\n"
