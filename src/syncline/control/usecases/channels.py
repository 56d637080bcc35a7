"""Channels of the installation: made, listed, changed, tried, deleted; addresses never come out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy import RowMapping, delete, func, insert, select, update

from syncline.control.access import Actor
from syncline.control.alert_specs import ChannelSpec
from syncline.control.channels import ADDRESS, address_of, opened_url
from syncline.control.differences import differences
from syncline.control.messages import trial
from syncline.control.notifying import service_of, tell
from syncline.control.paging import Page, Wanted, counted, ordered, page_bounds, searched
from syncline.control.plane import MASK, Plane, Work
from syncline.control.references import VARIABLE, is_sealed
from syncline.control.runs import insert_new
from syncline.control.store.jobs import jobs
from syncline.control.store.notifications import channels, job_channels, notices
from syncline.control.store.settings import settings
from syncline.control.usecases.connections import checked_name, refuse_old
from syncline.errors import Conflict, InUse, Invalid, Missing, NameTaken, SynclineError

_OURS = re.compile(r"^SYNCLINE_", re.IGNORECASE)
_LONGEST = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel as people may see it."""

    id: str
    name: str
    description: str
    #: What it is: ``Slack``, ``E-Mail``; '' while its address is a reference that is not set here.
    service: str
    #: ``${NAME}`` where that stands for the address; else a mask.
    url: str
    #: How the last delivery or trial went: None, ``ok`` or ``failed``.
    status: str | None
    told_at: datetime | None
    error: str | None
    #: How many jobs have alerts for it.
    jobs: int
    #: Notices that it has still to be told, and those that it never took.
    waiting: int
    given_up: int
    changed_at: datetime
    changed_by: str
    version: int

    @property
    def facts(self) -> dict[str, object]:
        """What the audit log and a project file compare."""
        return {"url": self.url, **({"description": self.description} if self.description else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEdit:
    """What a channel is to be; None: stays as it is."""

    url: str | None = field(default=None, repr=False)
    description: str | None = None
    #: The version that the editor saw; None: whatever it is.
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the trial of a channel went."""

    ok: bool
    message: str
    hint: str = ""
    code: str = ""


def channel_of(given: Mapping[str, Any]) -> ChannelSpec:
    """Return a channel as it was given. Raises `Invalid`; values are never repeated."""
    try:
        return ChannelSpec.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{place}: {first['msg']}", hint="see how to be told") from None


async def create_channel(work: Work, name: str, spec: ChannelSpec) -> Channel:
    """Keep a new channel. Needs settings.edit. Raises `NameTaken`, `Invalid`."""
    work.actor.require("settings.edit")
    checked_name(name)
    if await _row(work, name) is not None:
        raise NameTaken(
            f"there is a channel {name!r} already", hint="choose another name, or edit that one"
        )
    row = {
        "id": work.new_id(),
        "name": name,
        "folded": name.lower(),
        "description": spec.description,
        **_address(work, spec.url),
        "version": 1,
        "created_at": work.now,
        "changed_at": work.now,
        "changed_by": work.actor.name,
    }
    await work.connection.execute(insert(channels).values(row))
    made = await get_channel(work, name)
    await work.record("channels.create", "channel", name, differences({}, made.facts))
    return made


async def list_channels(work: Work, wanted: Wanted | None = None) -> Page[Channel]:
    """Return a page of the channels; order by name, service, changed_at. Needs settings.view."""
    work.actor.require("settings.view")
    wanted = wanted or Wanted()
    offset, limit = page_bounds(wanted)
    c = channels.c
    query = select(channels).where(searched(wanted.search, c.name, c.description, c.service))
    total = await counted(work.connection, query)
    columns = {"name": c.folded, "service": c.service, "changed_at": c.changed_at}
    query = query.order_by(*ordered(wanted, columns)).offset(offset).limit(limit)
    rows = (await work.connection.execute(query)).mappings().all()
    return Page(items=await _with_jobs(work, rows), total=total, offset=offset, limit=limit)


async def get_channel(work: Work, name: str) -> Channel:
    """Return one channel. Needs settings.view. Raises `Missing`."""
    work.actor.require("settings.view")
    row = await _row(work, name)
    if row is None:
        raise Missing(f"there is no channel {name!r}", hint="see the list of channels")
    (found,) = await _with_jobs(work, [row])
    return found


async def edit_channel(work: Work, name: str, edit: ChannelEdit) -> Channel:
    """Change a channel. Needs settings.edit. An address that is empty or masked stays.

    Raises `Missing`, `Invalid`, `Conflict` if ``edit.version`` is not the newest.
    """
    work.actor.require("settings.edit")
    before = await get_channel(work, name)
    if edit.version is not None and edit.version != before.version:
        raise Conflict(
            f"{before.changed_by} has changed the channel {name} meanwhile",
            hint="look at it again, and save on top of the newest version",
        )
    fresh = edit.url is not None and edit.url not in {"", MASK}
    values: dict[str, object] = _address(work, edit.url or "") if fresh else {}
    if edit.description is not None:
        values["description"] = edit.description
    await work.connection.execute(
        update(channels)
        .where(channels.c.id == before.id)
        .values(
            **values, version=before.version + 1, changed_at=work.now, changed_by=work.actor.name
        )
    )
    after = await get_channel(work, name)
    changes = differences(before.facts, after.facts)
    if fresh and "url" not in changes:
        changes["url"] = (MASK, f"{MASK} anew")
    await work.record("channels.edit", "channel", name, changes)
    return after


async def delete_channel(work: Work, name: str, *, version: int | None = None) -> None:
    """Delete a channel and what is still to be told to it. Needs settings.edit.

    Raises `InUse`, and `Conflict` if ``version`` is not the newest.
    """
    work.actor.require("settings.edit")
    found = await get_channel(work, name)
    refuse_old(f"the channel {name}", found.version, version, found.changed_by)
    query = (
        select(jobs.c.name)
        .join(job_channels, job_channels.c.job_id == jobs.c.id)
        .where(job_channels.c.channel_id == found.id)
        .order_by(jobs.c.folded)
    )
    users = (await work.connection.scalars(query.limit(6))).all()
    if users:
        more = f" and {found.jobs - len(users)} more" if found.jobs > len(users) else ""
        raise InUse(
            f"the channel {name} is told about {', '.join(users)}{more}",
            hint="take it out of the alerts of these jobs first",
        )
    await work.connection.execute(delete(channels).where(channels.c.id == found.id))
    await work.record("channels.delete", "channel", name, differences(found.facts, {}))


async def try_channel(plane: Plane, actor: Actor, name: str) -> Trial:
    """Send a message that says it is a test. Needs settings.edit. Raises `Missing`."""
    async with plane.looking(actor) as work:
        actor.require("settings.edit")
        found = await get_channel(work, name)
        row = await _row(work, name)
        assert row is not None  # noqa: S101 (it was there a moment ago, in this transaction)
        kept, address = row["url"], await address_of(work.connection)
    try:
        url = opened_url(plane.vault, name, kept)
        await tell(url, trial(plane.new_id(), found.name, address), plane.reach)
    except SynclineError as error:
        done = Trial(ok=False, message=str(error), hint=error.hint, code=error.code)
    else:
        done = Trial(ok=True, message="the channel has taken a message")
    now = datetime.fromtimestamp(plane.clock.time(), UTC)
    async with plane.changing(actor) as work:
        values = {"status": "ok" if done.ok else "failed", "told_at": now,
                  "error": None if done.ok else done.message}  # fmt: skip
        await work.connection.execute(
            update(channels).where(channels.c.id == found.id).values(values)
        )
        await work.record("channels.test", "channel", found.name, {"ok": (None, done.ok)})
    return done


async def get_address(work: Work) -> str:
    """Return the address of the web application as links have it. Needs settings.view."""
    work.actor.require("settings.view")
    return await address_of(work.connection)


async def set_address(work: Work, address: str) -> str:
    """Set the address that links begin with; '' for no links. Needs settings.edit.

    Raises `Invalid` for something that is no http address.
    """
    work.actor.require("settings.edit")
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        fits = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    except ValueError:
        fits = False
    if address and not (fits and len(address) <= _LONGEST):
        raise Invalid(
            "this is not the address of a web page", hint="such as https://syncline.example.com"
        )
    before = await address_of(work.connection)
    await insert_new(work.connection, settings, {"name": ADDRESS, "value": address})
    await work.connection.execute(
        update(settings).where(settings.c.name == ADDRESS).values(value=address)
    )
    if before != address:
        await work.record(
            "settings.edit", "settings", ADDRESS, {"address": (before or None, address or None)}
        )
    return address


def _address(work: Work, url: str) -> dict[str, object]:
    """Return the columns of an address. Raises `Invalid` for one that leads to no channel."""
    if is_sealed(url):
        return {"url": work.vault.seal(work.vault.open(url)), "service": _service(work, url)}
    for variable in VARIABLE.findall(url):
        if _OURS.match(variable):
            raise Invalid(
                f"the address of a channel cannot use the variable {variable}",
                hint="variables that begin with SYNCLINE_ are Syncline's own",
            )
    if VARIABLE.fullmatch(url):
        return {"url": url, "service": ""}
    if VARIABLE.search(url):
        return {"url": work.vault.seal(url), "service": ""}
    return {"url": work.vault.seal(url), "service": service_of(url)}


def _service(work: Work, url: str) -> str:
    opened = work.vault.open(url)
    return "" if VARIABLE.search(opened) else service_of(opened)


async def _row(work: Work, name: str) -> RowMapping | None:
    query = select(channels).where(channels.c.folded == name.lower())
    return (await work.connection.execute(query)).mappings().one_or_none()


async def _with_jobs(work: Work, rows: Sequence[RowMapping]) -> tuple[Channel, ...]:
    ids = [row["id"] for row in rows]
    c = job_channels.c
    query = select(c.channel_id, func.count()).where(c.channel_id.in_(ids)).group_by(c.channel_id)
    used: dict[str, int] = {row[0]: row[1] for row in await work.connection.execute(query)}
    n = notices.c
    untold = select(n.channel_id, n.state, func.count()).where(
        n.channel_id.in_(ids), n.state != "sent"
    )
    left: dict[tuple[str, str], int] = {
        (row[0], row[1]): row[2]
        for row in await work.connection.execute(untold.group_by(n.channel_id, n.state))
    }
    return tuple(
        Channel(
            id=row["id"],
            name=row["name"],
            description=row["description"],
            service=row["service"],
            url=row["url"] if VARIABLE.fullmatch(row["url"]) else MASK,
            status=row["status"],
            told_at=row["told_at"],
            error=row["error"],
            jobs=used.get(row["id"], 0),
            waiting=left.get((row["id"], "waiting"), 0),
            given_up=left.get((row["id"], "given_up"), 0),
            changed_at=row["changed_at"],
            changed_by=row["changed_by"],
            version=row["version"],
        )
        for row in rows
    )
