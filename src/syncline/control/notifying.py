"""Tells channels what has happened: the only place that knows Apprise."""

import asyncio
import logging
import re
import sys
import warnings
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins import NotifyBase

from syncline.control.messages import Message
from syncline.errors import AddressRefused, Invalid, Unavailable
from syncline.model.reach import Reach

#: What takes longer has not worked, in seconds.
PATIENCE = 60.0
#: These act on the machine itself, or send from threads that we could not watch.
_LOCAL = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows", "xmpp",
     "xmpps"}
)  # fmt: skip
#: These would read files of the machine.
_FILES = frozenset({"attach", "keyfile", "pgpkey", "subfile", "template"})
_MARK = "X-Syncline-Notice"
#: Shorter parts of an address are no secrets, but words of the message.
_TELLING = 4
_ASSET = AppriseAsset(
    app_id="Syncline", app_desc="Syncline", image_url_mask="", image_url_logo="",
    secure_logging=True,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What one delivery may do, and what it says."""

    reach: Reach
    over: bool = False
    refused: bool = False
    said: list[str] = field(default_factory=list)


_WATCH: ContextVar[_Watch | None] = ContextVar("delivery", default=None)


def service_of(url: str) -> str:
    """Return what an address leads to, for people. Raises `Invalid`; it is never repeated."""
    return str(_plugin(url).service_name or "Webhook")


async def tell(url: str, message: Message, reach: Reach, *, patience: float = PATIENCE) -> None:
    """Send a message to the address of a channel.

    Raises `Invalid` for an address that is none, `AddressRefused` where it leads out of reach,
    `Unavailable` if the other side did not take it within so many seconds. What they say never
    holds a part of the address.
    """
    watch = _Watch(reach=reach)
    token = _WATCH.set(watch)
    try:
        async with asyncio.timeout(patience):
            done = await asyncio.to_thread(_send, url, message)
    except TimeoutError:
        raise Unavailable(
            f"the channel has not taken the message within {patience:g} s",
            hint="is the address right, and its server up?",
        ) from None
    finally:
        watch.over = True
        _WATCH.reset(token)
    if watch.refused:
        raise AddressRefused(
            "the channel's address is not one of the public internet",
            hint="an administrator can allow private addresses with "
            "SYNCLINE_ALLOW_PRIVATE_ADDRESSES",
        )
    if not done:
        said = " ".join(_without(url, line) for line in watch.said[-2:])
        raise Unavailable(
            f"the channel has not taken the message: {said or 'it gave no reason'}",
            hint="is the address right, and its server up?",
        )


def _send(url: str, message: Message) -> bool:
    plugin = _plugin(url)
    # Who gets the same twice, because we crashed after we had sent it, can know it by this.
    headers = getattr(plugin, "headers", None)
    if isinstance(headers, dict):
        headers[_MARK] = message.id
    try:
        return bool(
            plugin.notify(
                body=message.text,
                title=message.title,
                notify_type=NotifyType(message.tone),
                body_format=NotifyFormat.TEXT,
            )
        )
    except Exception as error:  # noqa: BLE001 (one of 130 plugins, none of which says what it raises)
        watch = _WATCH.get()
        if watch is not None:
            watch.said.append(type(error).__name__)
        return False


def _plugin(url: str) -> NotifyBase:
    scheme = url.partition("://")[0].strip().lower()
    try:
        asked = {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
    except ValueError:
        asked = set()
    if scheme in _LOCAL or asked & _FILES:
        raise Invalid(
            f"a channel cannot be {scheme}://"
            if scheme in _LOCAL
            else f"the address of a channel cannot have {', '.join(sorted(asked & _FILES))}",
            hint="channels send over the network, and read no files of this machine",
        )
    _load()
    try:
        made: Any = Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 (as above)
        made = None
    if not isinstance(made, NotifyBase):
        raise Invalid(
            "this is not the address of a channel",
            hint="write it as Apprise does: mailto://user:password@host, slack://tokens, "
            "workflows://… for Teams, jsons://host/path for a webhook",
        )
    return made


@cache
def _load() -> None:
    """Load all plugins, of which there are many, at the first use: that takes half a second."""
    with warnings.catch_warnings():
        # They try modules that are deprecated, and do without.
        warnings.simplefilter("ignore")
        Apprise.instantiate("json://localhost")


def _without(url: str, text: str) -> str:
    """Return a text without any part of an address."""
    parts = re.split(r"[^\w.\-]+", f"{url} {unquote(url)}")
    for part in sorted(set(parts), key=len, reverse=True):
        if len(part) >= _TELLING:
            text = text.replace(part, "•••")
    return text


def _watched(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a connection of a delivery that leads where it may not.

    At the socket, and not before: a name may lead elsewhere each time that it is looked up, and
    an answer may send us on.
    """
    if not event.startswith("socket."):
        return
    watch = _WATCH.get()
    if watch is None or event not in {"socket.connect", "socket.sendto"}:
        return
    place = arguments[1]
    host, port = (place[0], place[1]) if isinstance(place, tuple) else ("", 0)
    if watch.over or not watch.reach.allows(str(host), int(port)):
        watch.refused = True
        raise PermissionError("out of reach")


def _kept(record: logging.LogRecord) -> bool:
    """Keep what Apprise says of a delivery; nobody logs it, for it may name the address."""
    watch = _WATCH.get()
    if watch is not None and record.levelno >= logging.WARNING:
        watch.said.append(record.getMessage())
    return False


def _hushed() -> None:
    logging.getLogger("apprise").addFilter(_kept)
    # These write addresses with all that is in them, such as the tokens of a web hook.
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(lambda _: _WATCH.get() is None)


sys.addaudithook(_watched)
_hushed()
