"""Channels of a project file and of the store: what differs, and how they are exported."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import select

from syncline.control.alert_specs import ChannelSpec
from syncline.control.differences import Differences, differences
from syncline.control.plane import MASK, Work
from syncline.control.references import VARIABLE, is_sealed, variable_for
from syncline.control.store.notifications import channels
from syncline.control.usecases.channels import Channel, get_channel
from syncline.errors import Missing


async def compared(
    work: Work, name: str, spec: ChannelSpec, environment: Mapping[str, str]
) -> tuple[Channel | None, Differences, ChannelSpec]:
    """Return the channel in the store, what differs, and what to make of it.

    An address ``${NAME}`` is taken from ``environment``; if it is not set there, what the store
    has stays, and else the reference is kept.
    """
    match = VARIABLE.fullmatch(spec.url)
    given = environment.get(match[1]) if match else spec.url
    try:
        found = await get_channel(work, name)
    except Missing:
        wanted = spec.model_copy(update={"url": spec.url if given is None else given})
        return (
            None,
            differences({}, _facts(wanted, MASK if given is not None else spec.url)),
            wanted,
        )
    if given is None:
        url = "" if found.url == MASK else spec.url
        shown = found.url if found.url == MASK else spec.url
        differ = differences(found.facts, _facts(spec, shown))
        return found, differ, spec.model_copy(update={"url": url})
    kept = await work.connection.scalar(select(channels.c.url).where(channels.c.id == found.id))
    differ = differences(found.facts, _facts(spec, MASK))
    if found.url == MASK and _opened(work, str(kept)) != _opened(work, given):
        differ["url"] = (MASK, f"{MASK} anew")
    return found, differ, spec.model_copy(update={"url": given})


async def gone(work: Work, named: Mapping[str, ChannelSpec]) -> list[Channel]:
    """Return the channels of the store that a file does not name."""
    kept = {name.lower() for name in named}
    found = await work.connection.scalars(select(channels.c.name).order_by(channels.c.folded))
    return [await get_channel(work, name) for name in found.all() if name.lower() not in kept]


async def exported(
    work: Work,
    secrets: Literal["variables", "sealed"],
    variables: list[str],
    only: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the channels as a project file has them; ``only``: those of these names.

    None for who may not see them. Invariant 7: addresses are references, or sealed.
    """
    if not work.actor.may("settings.view"):
        return {}
    query = select(channels).order_by(channels.c.folded)
    if only is not None:
        query = query.where(channels.c.folded.in_([name.lower() for name in only]))
    shown: dict[str, Any] = {}
    for row in (await work.connection.execute(query)).mappings():
        url = row["url"]
        if not VARIABLE.fullmatch(url) and secrets == "variables":
            variable = variable_for(f"{row['name']}_URL", variables)
            url = f"${{{variable}}}"
        described = {"description": row["description"]} if row["description"] else {}
        shown[row["name"]] = {"url": url, **described}
    return shown


def _facts(spec: ChannelSpec, url: str) -> dict[str, object]:
    return {"url": url, **({"description": spec.description} if spec.description else {})}


def _opened(work: Work, value: str) -> str:
    return work.vault.open(value) if is_sealed(value) else value
