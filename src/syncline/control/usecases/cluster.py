"""The nodes that execute runs: which are there, and how much each has in hand."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from syncline.control.plane import Work
from syncline.control.runs import State
from syncline.control.store.nodes import nodes
from syncline.control.store.runs import task_runs

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A process that executes runs, or did."""

    id: str
    host: str
    pid: int
    version: str
    #: up, draining, dead.
    state: str
    started_at: datetime
    #: When it was last heard of.
    beat_at: datetime
    #: Task runs that it executes now.
    tasks: int


async def list_nodes(work: Work) -> tuple[Node, ...]:
    """Return the nodes, those first that were heard of last. Needs runs.view."""
    work.actor.require("runs.view")
    counts = (
        select(task_runs.c.node, func.count())
        .where(task_runs.c.state == State.RUNNING)
        .group_by(task_runs.c.node)
    )
    running = {str(node): n for node, n in (await work.connection.execute(counts)).all()}
    query = select(nodes).order_by(nodes.c.beat_at.desc()).limit(_MOST)
    rows = (await work.connection.execute(query)).mappings().all()
    return tuple(
        Node(
            id=row["id"], host=row["host"], pid=row["pid"], version=row["version"],
            state=row["state"], started_at=datetime.fromtimestamp(row["started_at"], UTC),
            beat_at=datetime.fromtimestamp(row["beat_at"], UTC), tasks=running.get(row["id"], 0),
        )
        for row in rows
    )  # fmt: skip
