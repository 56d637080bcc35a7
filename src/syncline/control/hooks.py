"""Deliveries of an API that something has changed: are they genuine, what are they about. Pure."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from syncline.profile.schema import Profile
from syncline.profile.webhooks import Signature

_PLACE = re.compile(r"\{([^{}]+)\}")


class Listening(BaseModel):
    """What must be known to judge deliveries; kept in the store, so that no profile is read."""

    model_config = ConfigDict(frozen=True)

    signature: Signature
    handshake: str | None = None
    topic_header: str | None = None
    topic_path: str | None = None
    #: Topic or beginning of one: tables that are read again, those only that can tell changes.
    topics: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What somebody has sent. Names of headers in small letters."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def listening(profile: Profile, topic: str = "") -> Listening | None:
    """Return how deliveries of an API are judged; None if its profile does not know.

    ``topic``: the only one that comes here.
    """
    given = profile.webhooks
    if given is None:
        return None
    return Listening(
        signature=given.signature,
        handshake=given.handshake,
        topic_header=given.topic_header,
        topic_path=given.topic_path,
        topics={
            name: _changing(profile, tables)
            for name, tables in given.topics.items()
            if topic in {"", name}
        },
    )


def genuine(how: Listening, secret: str, delivery: Delivery) -> bool:
    """Return whether a delivery is signed with the secret; takes equally long for any other."""
    signature = how.signature
    header = delivery.headers.get(signature.header.lower(), "")
    parts = _parts(header) if signature.part else {}
    given = parts.get(signature.part or "", [header])
    names = {name: values[0] for name, values in parts.items()}
    signed = hmac.digest(secret.encode(), _content(signature, names, delivery), signature.algorithm)
    # Every one is compared to its end.
    return sum([_equal(signature, text.strip(), signed) for text in given]) > 0


def changed_tables(how: Listening, delivery: Delivery) -> frozenset[str]:
    """Return the tables that a genuine delivery is about; all of them if it does not say."""
    topic = _topic(how, delivery)
    return frozenset(
        table
        for pattern, tables in how.topics.items()
        if topic is None or _fits(pattern, topic)
        for table in tables
    )


def _changing(profile: Profile, tables: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tables that tell what has changed in them.

    Others, those of lists inside records too, would be read as a whole each time, and wait for
    their schedule instead.
    """
    return tuple(
        name
        for name in tables
        if name in profile.tables and profile.tables[name].incremental is not None
    )


def _fits(pattern: str, topic: str) -> bool:
    # Only a star is special.
    return fnmatchcase(topic, pattern.replace("[", "[[]").replace("?", "[?]"))


def _topic(how: Listening, delivery: Delivery) -> str | None:
    if how.topic_header is not None:
        return delivery.headers.get(how.topic_header.lower())
    if how.topic_path is None:
        return None
    try:
        found = json.loads(delivery.body)
        for step in how.topic_path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _parts(header: str) -> dict[str, list[str]]:
    """Return the parts of 't=1,v1=ab,v1=cd': a secret that is being changed signs twice."""
    found: dict[str, list[str]] = {}
    for part in header.split(","):
        name, sign, value = part.strip().partition("=")
        if sign:
            found.setdefault(name, []).append(value)
    return found


def _content(signature: Signature, parts: Mapping[str, str], delivery: Delivery) -> bytes:
    content, at = b"", 0
    for place in _PLACE.finditer(signature.content):
        content += signature.content[at : place.start()].encode()
        name, at = place[1], place.end()
        if name == "body":
            content += delivery.body
        else:
            content += parts.get(name, delivery.headers.get(name.lower(), "")).encode()
    return content + signature.content[at:].encode()


def _equal(signature: Signature, text: str, signed: bytes) -> bool:
    given = text.removeprefix(signature.prefix) if text.startswith(signature.prefix) else ""
    by_hex = signature.encoding != "base64" and hmac.compare_digest(
        given.lower().encode(), signed.hex().encode()
    )
    by_base64 = signature.encoding != "hex" and hmac.compare_digest(_decoded(given), signed)
    return by_hex or by_base64


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def address_of(base_url: str, token: str) -> str:
    """Return where deliveries come to."""
    return f"{base_url.rstrip('/')}/hooks/{token}"
