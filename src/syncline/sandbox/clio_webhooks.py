"""The stand-in Clio's webhooks: subscribed to, shaken hands on, delivered, ended."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from syncline.sandbox.clio_conditions import ArgumentError
from syncline.sandbox.clock import Clock
from syncline.sandbox.options import Options

#: Model of a webhook: the table that it is about.
MODELS: Mapping[str, str] = {
    "activity": "activities", "bill": "bills", "calendar_entry": "calendar_entries",
    "clio_payments_payment": "clio_payments_payments", "communication": "communications",
    "contact": "contacts", "document": "documents", "folder": "folders", "matter": "matters",
    "task": "tasks",
}  # fmt: skip
_EVENTS = {"created", "updated", "deleted", "matter_opened", "matter_pended", "matter_closed"}
_DAY = 86_400
_DEFAULT_DAYS, _MOST_DAYS, _LONGEST_FIELDS = 3, 31, 1000
_GONE, _HANDLED = 410, range(200, 400)
_ATTEMPTS = 5
_OK = 200


@dataclass(slots=True, kw_only=True)
class Webhook:
    """One subscription."""

    id: int
    url: str
    model: str
    events: tuple[str, ...]
    fields: str
    expires_at: float
    created_at: float
    updated_at: float
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    #: pending, enabled or suspended.
    status: str = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Something to be sent: a handshake, or what happened to a row."""

    webhook: int
    event: str
    row: dict[str, object] = field(default_factory=dict)


class Webhooks:
    """All subscriptions, and what is still to be delivered."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._kept: dict[int, Webhook] = {}
        self._next = 1
        self.letters: asyncio.Queue[Letter] = asyncio.Queue()
        #: Deliveries that were answered, by status.
        self.answered: dict[int, int] = {}

    def all(self) -> list[Webhook]:
        return list(self._kept.values())

    def find(self, identity: str) -> Webhook | None:
        return self._kept.get(int(identity)) if identity.isdecimal() else None

    def create(self, given: Mapping[str, Any]) -> Webhook:
        """Keep a new one, and send its handshake. Raises `ArgumentError`."""
        url, model = str(given.get("url", "")), str(given.get("model", ""))
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._options.webhooks_over_http and parts.netloc):
            raise ArgumentError("url must be an https address")
        if model not in MODELS:
            raise ArgumentError(f"model {model} is unknown")
        events = tuple(str(event) for event in given.get("events") or ())
        if not events or not set(events) <= _EVENTS:
            raise ArgumentError("events are missing or unknown")
        fields = str(given.get("fields") or "id,etag")
        if len(fields) > _LONGEST_FIELDS:
            raise ArgumentError("fields is longer than 1000 characters")
        now = self._clock.now()
        made = Webhook(
            id=self._next, url=url, model=model, events=events, fields=fields,
            expires_at=self._end(given, now + _DEFAULT_DAYS * _DAY), created_at=now,
            updated_at=now,
        )  # fmt: skip
        self._next += 1
        self._kept[made.id] = made
        self.letters.put_nowait(Letter(webhook=made.id, event="handshake"))
        return made

    def change(self, webhook: Webhook, given: Mapping[str, Any]) -> None:
        """Renew one, or let it deliver elsewhere. Raises `ArgumentError`."""
        webhook.expires_at = self._end(given, webhook.expires_at)
        webhook.updated_at = self._clock.now()
        if given.get("url", webhook.url) != webhook.url:
            webhook.url, webhook.status = str(given["url"]), "pending"
            self.letters.put_nowait(Letter(webhook=webhook.id, event="handshake"))

    def delete(self, webhook: Webhook) -> None:
        del self._kept[webhook.id]

    def activate(self, webhook: Webhook, secret: str) -> bool:
        """Take the secret that was brought with the handshake back."""
        if not hmac.compare_digest(secret.encode(), webhook.secret.encode()):
            return False
        webhook.status = "enabled"
        return True

    def happened(self, table: str, event: str, rows: Iterable[dict[str, object]]) -> None:
        """Tell the subscribers of a table what happened to its rows."""
        for row in rows:
            for webhook in self._kept.values():
                if MODELS[webhook.model] == table and event in webhook.events:
                    letter = Letter(webhook=webhook.id, event=event, row=row)
                    self.letters.put_nowait(letter)

    def shown(self, webhook: Webhook, fields: str) -> dict[str, object]:
        """Return the fields that were asked for; id and etag if none were."""
        row = {
            "id": webhook.id,
            "etag": f'"{hashlib.md5(repr(webhook).encode(), usedforsecurity=False).hexdigest()}"',
            "url": webhook.url,
            "fields": webhook.fields,
            "model": webhook.model,
            "status": webhook.status,
            "events": list(webhook.events),
            "expires_at": _text(webhook.expires_at),
            "created_at": _text(webhook.created_at),
            "updated_at": _text(webhook.updated_at),
        }
        wanted = [name.strip() for name in (fields or "id,etag").split(",")]
        return {name: row[name] for name in wanted if name in row}

    async def deliver(self) -> None:
        """Send letters, one after the other, until cancelled."""
        timeout = ClientTimeout(total=5)
        async with ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session:
            while True:
                letter = await self.letters.get()
                await self._sent(session, letter)
                self.letters.task_done()

    async def _sent(self, session: ClientSession, letter: Letter) -> None:
        for attempt in range(_ATTEMPTS):
            webhook = self._kept.get(letter.webhook)
            if webhook is None or not self._wanted(webhook, letter):
                return
            status = await self._posted(session, webhook, letter)
            self.answered[status] = self.answered.get(status, 0) + 1
            if status == _GONE:
                webhook.status = "suspended"
            if status in _HANDLED or status == _GONE:
                return
            await asyncio.sleep(self._options.webhook_retry * 2**attempt)

    def _wanted(self, webhook: Webhook, letter: Letter) -> bool:
        if letter.event == "handshake":
            return webhook.status == "pending"
        return webhook.status == "enabled" and webhook.expires_at > self._clock.now()

    async def _posted(self, session: ClientSession, webhook: Webhook, letter: Letter) -> int:
        """Return the status of the answer; 0 for none."""
        handshake = letter.event == "handshake"
        meta: dict[str, object] = {"webhook_id": webhook.id}
        if not handshake:
            meta["event"] = letter.event
        body = msgspec.json.encode({"data": letter.row, "meta": meta})
        headers = {"Content-Type": "application/json"}
        if handshake:
            headers["X-Hook-Secret"] = webhook.secret
        else:
            signed = hmac.digest(webhook.secret.encode(), body, "sha256").hex()
            headers["X-Hook-Signature"] = signed
        try:
            async with session.post(
                webhook.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                back = answer.headers.get("X-Hook-Secret", "")
                if handshake and answer.status == _OK:
                    self.activate(webhook, back)
                return answer.status
        except (ClientError, TimeoutError, OSError):
            return 0

    def _end(self, given: Mapping[str, Any], default: float) -> float:
        text = given.get("expires_at")
        if text is None:
            return default
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            raise ArgumentError("expires_at is no timestamp") from None
        end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if not 0 < end - self._clock.now() <= _MOST_DAYS * _DAY:
            raise ArgumentError("expires_at must be within 31 days")
        return end


def _text(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).isoformat()
