"""Options of jobs and connections, as the engine gets them."""

import pytest

from control.planes import ADMIN, CLIO, LAKE, plane_of
from syncline.control.engine.stored import StoreJobs
from syncline.control.engine.telling import told
from syncline.control.store.database import Store
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job, job_of
from syncline.errors import PropertyError
from syncline.model.run import Committed, Event, Evolved, Planned, Read, Waiting

EVENTS: tuple[Event, ...] = (
    Planned(scans=1, incremental=False, resuming=False),
    Waiting(seconds=0.5, reason="limit"),
    Read(rows=200, requests=2),
    Evolved(changes=("added x",)),
    Committed(generation=1, rows=200, inserted=200, updated=0, deleted=0),
)


def test_a_log_is_as_long_as_somebody_wants() -> None:
    kinds = {
        verbosity: [line.kind for event in EVENTS if (line := told(event, verbosity))]
        for verbosity in ("error", "info", "verbose")
    }
    assert kinds == {
        "error": ["evolved"],
        "info": ["planned", "evolved", "committed"],
        "verbose": ["planned", "waiting", "read", "evolved", "committed"],
    }


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_the_engine_gets_what_is_set(store: Store) -> None:
    plane = plane_of(store)
    clio = {**dict(CLIO.properties), "ParallelTasks": "2"}  # type: ignore[arg-type]  # a mapping here
    async with plane.changing(ADMIN) as work:
        await create_connection(work, "clio", CLIO.model_copy(update={"properties": clio}))
        await create_connection(work, "lake", LAKE)
        spec = {"source": "clio", "destination": "lake", "verbosity": "verbose",
                "window_days": 30, "tasks": [{"table": "Activities"},
                {"table": "Matters", "window_days": 7}]}  # fmt: skip
        made = await create_job(work, "nightly", job_of(spec))
        assert made.document == spec
    found = await StoreJobs(plane=plane).find(made.id)
    assert (found.account_limit, found.verbosity) == (2, "verbose")
    assert [task.window_days for task in found.tasks] == [30, 7]
    async with plane.changing(ADMIN) as work:
        three = {**clio, "ParallelTasks": 3}
        with pytest.raises(PropertyError, match="1, 2, 4 or 8"):
            await create_connection(work, "x", CLIO.model_copy(update={"properties": three}))
