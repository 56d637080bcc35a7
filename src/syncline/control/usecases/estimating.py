"""How long a run will still take, judged by how its tasks went before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from syncline.control.access import Actor
from syncline.control.plane import Plane
from syncline.control.runs import Run, State, TaskRun
from syncline.control.store.runs import runs, task_runs

#: Before so many seconds have passed, a rate says nothing.
_EARLY = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a task did when it last succeeded in the same way."""

    read: int
    seconds: float


async def earlier(plane: Plane, actor: Actor, run: Run) -> Mapping[int, Before]:
    """Return what each task of a run did before, by its number. Needs runs.view.

    A task that reads what has changed is compared with such reads, one that reads everything
    with those; one that has not begun with whatever was last.
    """
    actor.require("runs.view", run.job)
    mine = {task.task: task for task in run.tasks}
    t = task_runs.c
    order = func.row_number().over(
        partition_by=(t.task, t.incremental), order_by=t.finished_at.desc()
    )
    newest = (
        select(t.task, t.incremental, t.read, t.seconds, t.finished_at, order.label("place"))
        .join(runs, runs.c.id == t.run_id)
        .where(runs.c.job_id == run.job_id, t.task.in_(mine), t.state == State.SUCCEEDED)
        .subquery()
    )
    query = select(newest).where(newest.c.place == 1).order_by(newest.c.finished_at)
    found: dict[int, Before] = {}
    async with plane.looking(actor) as work:
        for row in (await work.connection.execute(query)).mappings():
            task = mine[row["task"]]
            if task.incremental is None or task.incremental == row["incremental"]:
                found[task.number] = Before(read=row["read"], seconds=row["seconds"])
    return found


def seconds_left(task: TaskRun, before: Before | None, now: datetime) -> float | None:
    """Return how long a task will still take; None: nobody knows."""
    if task.state.over:
        return 0.0
    if before is None:
        return None
    if task.started_at is None:
        return before.seconds
    rate = rows_per_second(task, now)
    if rate is None or task.read >= before.read:
        return None
    return (before.read - task.read) / rate


def run_seconds_left(run: Run, before: Mapping[int, Before], now: datetime) -> float | None:
    """Return how long a run will still take, with as many tasks side by side as now."""
    left = [seconds_left(task, before.get(task.number), now) for task in run.tasks]
    known = [seconds for seconds in left if seconds is not None]
    if not known or len(known) < len(left):
        return None
    side_by_side = max(1, sum(task.state is State.RUNNING for task in run.tasks))
    return max(sum(known) / side_by_side, *known)


def rows_per_second(task: TaskRun, now: datetime) -> float | None:
    """Return how fast a task reads, waits included; None: too early to say."""
    end = task.finished_at or now
    seconds = (end - task.started_at).total_seconds() if task.started_at else 0.0
    if seconds < _EARLY and not task.state.over:
        return None
    return task.read / seconds if seconds and task.read else None
