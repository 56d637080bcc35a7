"""Jobs with schedules, as rows of the store alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from syncline.control.store.connections import connections
from syncline.control.store.database import Store
from syncline.control.store.jobs import jobs
from syncline.control.store.schedules import schedules

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def job(
    store: Store, name: str, spec: Mapping[str, Any], due: datetime | None, **more: Any
) -> None:
    """Keep a job with a schedule; its id is its name."""
    changed = {"created_at": BEGIN, "changed_at": BEGIN, "changed_by": "test"}
    async with store.writing() as connection:
        if not await connection.scalar(select(connections.c.id)):
            await connection.execute(
                insert(connections).values(
                    id="c", name="c", folded="c", type="api", properties={}, sealed={}, **changed
                )
            )
        await connection.execute(
            insert(jobs).values(
                id=name, name=name, folded=name, source_id="c", destination_id="c", spec={},
                **changed,
            )
        )  # fmt: skip
        row = {"enabled": True, "next_run_at": due} | more
        await connection.execute(insert(schedules).values(job_id=name, spec=dict(spec), **row))
