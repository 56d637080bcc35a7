"""Which channels the alerts of jobs name."""

from sqlalchemy import delete, insert, select

from syncline.control.plane import Work
from syncline.control.store.notifications import channels, job_channels
from syncline.errors import Invalid


async def put_alert_channels(work: Work, job_id: str, job: str, names: frozenset[str]) -> None:
    """Note which channels the alerts of a job name. Raises `Invalid` for one that is not there."""
    c = job_channels.c
    await work.connection.execute(delete(job_channels).where(c.job_id == job_id))
    if not names:
        return
    query = select(channels.c.id, channels.c.folded)
    known = {row.folded: row.id for row in await work.connection.execute(query)}
    for name in sorted(names):
        if name.lower() not in known:
            raise Invalid(
                f"jobs.{job}.alerts: there is no channel {name!r}",
                hint=f"known: {', '.join(sorted(known))}"
                if known
                else "add one in Settings, Notifications, or to the project file",
            )
    rows = [{"job_id": job_id, "channel_id": known[n]} for n in {n.lower() for n in names}]
    await work.connection.execute(insert(job_channels), rows)
