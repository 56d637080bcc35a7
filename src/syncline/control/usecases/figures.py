"""What a monitor asks: runs by state, what waits and for how long, nodes, and how far tasks lag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from syncline.control.access import Actor
from syncline.control.paging import allowed
from syncline.control.plane import Plane, Work
from syncline.control.runs import State
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.nodes import nodes
from syncline.control.store.notifications import notices
from syncline.control.store.runs import runs, task_runs

#: What may have become of a notice.
NOTICES = ("waiting", "sent", "given_up")
_MOVED = ("read", "inserted", "updated", "deleted", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The whole installation in numbers, without a name in them."""

    #: Runs of the store by state; old ones are purged.
    runs: Mapping[State, int]
    #: Seconds since the longest waiting run was asked for; 0 if none waits.
    longest_wait: float
    nodes: int
    #: Task runs that wait for an API's limit or a retry.
    held_back: int
    #: Notices kept in the store: waiting, sent, given_up.
    notices: Mapping[str, int]
    #: Seconds since the longest waiting notice was written down; 0 if none waits.
    longest_untold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """What the runs of one job in the store did, in all."""

    job: str
    #: By kind: read, inserted, updated, deleted, rejected.
    rows: Mapping[str, int]
    requests: int
    #: Seconds that the source made its tasks wait.
    waited: float
    failed: int
    #: Seconds since the last run that succeeded ended; None: none did.
    lag: float | None


async def figures(plane: Plane, actor: Actor) -> Figures:
    """Return the numbers of the installation; whoever asks needs no permission."""
    async with plane.looking(actor) as work:
        query = select(runs.c.state, func.count(), func.min(runs.c.created_at))
        found = (await work.connection.execute(query.group_by(runs.c.state))).all()
        counts = {State(state): int(count) for state, count, _ in found}
        oldest = next((at for state, _, at in found if state == State.QUEUED), None)
        up = await work.connection.scalar(
            select(func.count()).select_from(nodes).where(nodes.c.state == "up")
        )
        held = await work.connection.scalar(
            select(func.count())
            .select_from(task_runs)
            .where(task_runs.c.state == State.RUNNING, task_runs.c.waiting_until > work.now)
        )
        c = notices.c
        told = select(c.state, func.count(), func.min(c.created_at)).group_by(c.state)
        said = {state: (int(n), at) for state, n, at in await work.connection.execute(told)}
        return Figures(
            runs={state: counts.get(state, 0) for state in State if state is not State.SKIPPED},
            longest_wait=_since(oldest, work),
            nodes=int(up or 0),
            held_back=int(held or 0),
            notices={state: said.get(state, (0, None))[0] for state in NOTICES},
            longest_untold=_since(said.get("waiting", (0, None))[1], work),
        )


async def job_figures(plane: Plane, actor: Actor) -> Sequence[JobFigures]:
    """Return the numbers of every job that the actor may see runs of. Needs runs.view."""
    actor.require("runs.view")
    async with plane.looking(actor) as work:
        visible = allowed(
            actor.limits("runs.view"),
            jobs.c.name,
            jobs.c.id,
            job_labels.c.job_id,
            job_labels.c.label,
        )
        sums = [
            func.coalesce(func.sum(task_runs.c[name]), 0)
            for name in (*_MOVED, "requests", "waited")
        ]
        moved = (
            select(jobs.c.id, jobs.c.name, *sums)
            .select_from(jobs.outerjoin(runs, runs.c.job_id == jobs.c.id).outerjoin(task_runs))
            .group_by(jobs.c.id, jobs.c.name)
            .order_by(jobs.c.name)
        )
        if visible is not None:
            moved = moved.where(visible)
        ended = select(runs.c.job_id, runs.c.state, func.count(), func.max(runs.c.finished_at))
        last = {
            (job, state): (int(count), at)
            for job, state, count, at in await work.connection.execute(
                ended.group_by(runs.c.job_id, runs.c.state)
            )
        }
        answer = []
        for id_, name, *numbers in await work.connection.execute(moved):
            succeeded = last.get((id_, State.SUCCEEDED))
            answer.append(
                JobFigures(
                    job=name,
                    rows=dict(zip(_MOVED, map(int, numbers), strict=False)),
                    requests=int(numbers[-2]),
                    waited=float(numbers[-1]),
                    failed=last.get((id_, State.FAILED), (0, None))[0],
                    lag=_since(succeeded[1], work) if succeeded else None,
                )
            )
        return answer


def _since(moment: datetime | None, work: Work) -> float:
    return 0.0 if moment is None else max((work.now - moment).total_seconds(), 0.0)
