"""What has happened to a job and is to be told, written in the transaction in which it happened."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.alert_specs import AlertSpec
from syncline.control.runs import State, insert_new, options_of
from syncline.control.store.jobs import jobs
from syncline.control.store.notifications import channels, notices
from syncline.control.store.runs import runs, task_runs
from syncline.control.store.slots import slots

_LOG = logging.getLogger(__name__)
_ALERTS: TypeAdapter[tuple[AlertSpec, ...]] = TypeAdapter(tuple[AlertSpec, ...])
#: Runs that say what is usual, and the fewest that can.
_COMPARED, _FEWEST = 10, 3
_COUNTS = ("read", "inserted", "updated", "deleted", "rejected")
_BATCH = 50


async def announce_end(connection: AsyncConnection, run: str, now: datetime) -> None:
    """Write down what is to be told about a run that has just ended, in the same transaction.

    A crash loses either both the end and its notices, or neither; and a notice that is there
    already is not written again.
    """
    query = (
        select(runs, jobs.c.spec)
        .join(jobs, jobs.c.id == runs.c.job_id)
        .where(runs.c.id == run, runs.c.finished_at.is_not(None))
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    alerts = () if row is None else _alerts(row["spec"], row["job"])
    if row is None or not alerts or row["state"] == State.CANCELLED:
        return
    facts = await _facts_of(connection, row)
    for alert in alerts:
        if (more := await _fits(connection, alert, row, facts)) is not None:
            key = f"{run}/{alert.when}"
            await _put(connection, alert, key, {**facts, **more, "kind": alert.when}, now)


async def watched(connection: AsyncConnection, job_id: str, slot: datetime) -> datetime | None:
    """Return when it is to be looked at whether a slot is late; None: nobody wants to know."""
    spec = await connection.scalar(select(jobs.c.spec).where(jobs.c.id == job_id))
    if not spec or not spec.get("alerts"):
        return None
    return _next_look(_alerts(spec, job_id), slot, slot)


async def announce_late(connection: AsyncConnection, now: datetime) -> int:
    """Write down which slots are late, each time that somebody wants to know; return how many.

    A slot is late if no run has ended since it came, whatever the run was asked for by.
    """
    query = (
        select(slots.c.job_id, slots.c.planned_at, slots.c.late_at, slots.c.reason,
               jobs.c.name, jobs.c.spec, jobs.c.paused)
        .outerjoin(jobs, jobs.c.id == slots.c.job_id)
        .where(slots.c.late_at <= now)
        .order_by(slots.c.late_at)
        .limit(_BATCH)
    )  # fmt: skip
    found = (await connection.execute(query)).mappings().all()
    for slot in found:
        await _look_at(connection, slot, now)
    return len(found)


async def _look_at(connection: AsyncConnection, slot: RowMapping, now: datetime) -> None:
    planned = slot["planned_at"]
    alerts = [a for a in _alerts(slot["spec"] or {}, slot["name"] or "") if a.when == "late"]
    over = slot["name"] is None or slot["paused"] or await _ended_since(connection, slot)
    following = None if over else _next_look(alerts, planned, now)
    moved = await connection.execute(
        update(slots)
        .where(
            slots.c.job_id == slot["job_id"],
            slots.c.planned_at == planned,
            slots.c.late_at == slot["late_at"],
        )
        .values(late_at=following)
    )
    if over or not moved.rowcount:
        return
    for alert in alerts:
        if slot["late_at"] <= _due(alert, planned) <= now:
            facts = {
                "job": slot["name"], "kind": "late", "planned_at": planned.isoformat(),
                "minutes": alert.minutes, "reason": slot["reason"],
            }  # fmt: skip
            key = f"{slot['job_id']}@{planned.isoformat()}/late/{alert.minutes}"
            await _put(connection, alert, key, facts, now)


async def _ended_since(connection: AsyncConnection, slot: RowMapping) -> bool:
    query = (
        select(runs.c.id)
        .where(runs.c.job_id == slot["job_id"], runs.c.finished_at >= slot["planned_at"])
        .limit(1)
    )
    return await connection.scalar(query) is not None


def _due(alert: AlertSpec, planned: datetime) -> datetime:
    return planned + timedelta(minutes=alert.minutes or 0)


def _next_look(alerts: Iterable[AlertSpec], planned: datetime, after: datetime) -> datetime | None:
    times = (_due(alert, planned) for alert in alerts if alert.when == "late")
    return min((time for time in times if time > after), default=None)


def _alerts(spec: Mapping[str, Any], job: str) -> tuple[AlertSpec, ...]:
    try:
        return _ALERTS.validate_python(spec.get("alerts", ()))
    except ValidationError:
        # One that a newer version wrote, perhaps: no reason to keep a run from ending.
        _LOG.exception("the alerts of %s cannot be read", job)
        return ()


async def _facts_of(connection: AsyncConnection, run: RowMapping) -> dict[str, Any]:
    of_run = task_runs.c.run_id == run["id"]
    sums = select(*(func.coalesce(func.sum(task_runs.c[name]), 0) for name in _COUNTS))
    totals = (await connection.execute(sums.where(of_run))).one()
    states = select(task_runs.c.target, task_runs.c.state).where(of_run)
    tasks = (await connection.execute(states.order_by(task_runs.c.number))).all()
    began = run["started_at"] or run["finished_at"]
    return {
        "job": run["job"],
        "run": run["id"],
        "state": str(run["state"]),
        "reason": str(run["reason"]),
        "finished_at": run["finished_at"].isoformat(),
        "seconds": round((run["finished_at"] - began).total_seconds(), 1),
        "tasks": len(tasks),
        "failed_tasks": [t.target for t in tasks if t.state == State.FAILED],
        **{name: int(total) for name, total in zip(_COUNTS, totals, strict=True)},
        "code": run["error_code"],
        "error": run["error"],
        "hint": run["hint"],
    }


async def _fits(
    connection: AsyncConnection, alert: AlertSpec, run: RowMapping, facts: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return what more there is to tell if the alert is for this end of a run, else None."""
    well = run["state"] == State.SUCCEEDED
    match alert.when:
        case "failure":
            return None if well else {}
        case "success":
            return {} if well else None
        case "no_rows":
            changed = facts["inserted"] + facts["updated"] + facts["deleted"]
            return {} if well and not changed else None
        case "row_drop" if well and not options_of(run["options"]).tasks:
            usual = await _usual(connection, run)
            least = None if usual is None else usual * (1 - (alert.percent or 0) / 100)
            if usual and least is not None and facts["read"] <= least:
                return {"usual": round(usual), "percent": alert.percent}
            return None
        case _:
            return None


async def _usual(connection: AsyncConnection, run: RowMapping) -> float | None:
    """Return how many rows runs like this one have read lately; None: there were too few."""
    full = options_of(run["options"]).full
    query = (
        select(runs.c.id, runs.c.options)
        .where(
            runs.c.job_id == run["job_id"],
            runs.c.state == State.SUCCEEDED,
            runs.c.created_at < run["created_at"],
        )
        .order_by(runs.c.created_at.desc())
        .limit(_COMPARED)
    )
    alike = [
        row.id
        for row in (await connection.execute(query)).all()
        if not options_of(row.options).tasks and options_of(row.options).full == full
    ]
    if len(alike) < _FEWEST:
        return None
    sums = (
        select(func.sum(task_runs.c.read))
        .where(task_runs.c.run_id.in_(alike))
        .group_by(task_runs.c.run_id)
    )
    found = [int(total or 0) for total in (await connection.execute(sums)).scalars()]
    return float(median(found)) if found else None


async def _put(
    connection: AsyncConnection,
    alert: AlertSpec,
    key: str,
    facts: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write a notice for each channel of an alert; one that is there stays as it is."""
    for channel in await _ids(connection, alert.channels):
        await insert_new(
            connection,
            notices,
            {
                "id": hashlib.sha256(f"{key}/{channel}".encode()).hexdigest()[:32],
                "channel_id": channel, "job": facts["job"], "run_id": facts.get("run"),
                "kind": alert.when, "facts": dict(facts), "state": "waiting", "created_at": now,
                "next_at": now, "attempts": 0,
            },
        )  # fmt: skip


async def _ids(connection: AsyncConnection, names: Sequence[str]) -> list[str]:
    folded = [channels.c.folded == name.lower() for name in names]
    query = select(channels.c.id).where(or_(*folded))
    # Whoever deletes a channel at this moment waits: a run must be able to end.
    held = query.with_for_update(read=True, key_share=True)
    return [str(found) for found in (await connection.scalars(held)).all()]
