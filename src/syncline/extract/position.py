"""Cursors: how far a read got, as JSON that only this room understands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import urlsplit

from syncline.errors import ConfigError
from syncline.model.batch import Cursor, Json
from syncline.profile.pagination import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A whole read of a table, or of what has changed in it, under way or about to begin."""

    #: Read what has changed since, in seconds since the epoch; None: everything.
    since: float | None = None
    #: When it began by the server's clock; None if it is about to begin.
    started: float | None = None
    #: Where to go on; None: at the beginning.
    at: Mapping[str, Json] | None = None
    #: Of a fan-out: the values that the pass before has read, those that this one set out to
    #: ask for, see `syncline.extract.roll`, and those of them that it found without a list. None:
    #: nobody noted them.
    seen: str | None = None
    asked: str | None = None
    missed: tuple[str, ...] = ()


def parse(cursor: Cursor | None) -> Pass:
    """Return the read that a cursor stands for. Raises `ConfigError` for one that is not ours."""
    if cursor is None:
        return Pass()
    try:
        seen = _packed(cursor.get("seen"))
        if "watermark" in cursor:
            return Pass(since=_moment(cursor["watermark"]), seen=seen)
        return Pass(
            since=_moment(cursor["since"]),
            started=_moment(cursor["started"]),
            at=_mapping(cursor["at"]),
            seen=seen,
            asked=_packed(cursor.get("asked")) or seen,
            missed=_texts(cursor.get("missed")),
        )
    except (KeyError, TypeError, ValueError):
        raise not_ours() from None


def not_ours() -> ConfigError:
    """Return the error of a cursor that this room has not made."""
    return ConfigError(
        "the place kept from the last run is none of this source",
        hint="let the task read everything again",
    )


def under_way(
    since: float | None,
    started: float,
    at: Mapping[str, Json],
    kept: Mapping[str, Json] = MappingProxyType({}),
) -> Cursor:
    """Return the cursor of a read that is not yet through; ``kept``: what else it needs."""
    return {"since": _text(since), "started": _text(started), "at": at, **kept}


def complete(
    since: float | None,
    started: float,
    kept: Mapping[str, Json] = MappingProxyType({}),
    *,
    incremental: bool,
) -> Cursor:
    """Return the cursor at the end of a read; ``kept``: what the next one needs."""
    if not incremental:
        return {"watermark": None}
    # Invariant 6: a clock set back must not lead to reading less than was read before.
    return {"watermark": _text(started if since is None else max(since, started)), **kept}


def request_to_json(request: Request, base_url: str) -> Json:
    """Return a request without its host, so that the base address may change."""
    base = base_url.rstrip("/") + "/"
    parts = urlsplit(request.url)
    url = request.url.removeprefix(base) if request.url.startswith(base) else parts.path
    return {"url": url, "parameters": [list(pair) for pair in request.parameters]}


def request_of_json(kept: Json, base_url: str) -> Request:
    """Return the request again. Raises `ConfigError` if it is none."""
    match kept:
        case {"url": str(url), "parameters": Sequence() as pairs}:
            base = urlsplit(base_url)
            whole = (
                f"{base.scheme}://{base.netloc}{url}"
                if url.startswith("/")
                else f"{base_url.rstrip('/')}/{url}"
            )
            parameters = tuple((str(k), str(v)) for k, v in _pairs(pairs))
            return Request(url=whole, parameters=parameters)
        case _:
            raise not_ours()


def iso(moment: float) -> str:
    """Return a moment in seconds since the epoch as ISO 8601 in UTC, to the second before it."""
    return datetime.fromtimestamp(int(moment // 1), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pairs(pairs: Sequence[Json]) -> list[tuple[Json, Json]]:
    return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, Sequence)]


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


def _packed(value: Json) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError
    return value


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, Sequence) else ()


def _text(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def _moment(text: Json) -> float | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError
    return datetime.fromisoformat(text).timestamp()
