"""Subscriptions to an API's webhooks: made, renewed, ended, as its profile says."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from syncline.control.connections import fetch_profile, opened_api, source_properties
from syncline.control.project import Project
from syncline.control.stored_tokens import StoredTokens
from syncline.errors import NotFound, ResponseRefused
from syncline.extract.source import RestSource
from syncline.model.run import Clock
from syncline.profile.loader import load_profile
from syncline.profile.pagination import Body, Request
from syncline.profile.schema import Profile
from syncline.profile.settings import resolved
from syncline.profile.template import fill
from syncline.profile.webhooks import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A subscription at the API."""

    id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """An API that can be told where to deliver."""

    source: RestSource
    profile: Profile
    settings: Mapping[str, str]
    how: Subscription
    clock: Clock

    async def create(self, topic: str, url: str) -> Subscribed:
        """Ask for deliveries to an address. Raises what asking an API raises."""
        until = self._until()
        values = {"topic": topic, "url": url, "until": until.isoformat()}
        answer = await self._ask("POST", self.how.path, self.how.create, values)
        return self._subscribed(answer, until, "")

    async def renew(self, subscription: str, topic: str, url: str) -> Subscribed | None:
        """Ask for more of them; None: the API does not know it any more."""
        until = self._until()
        values = {"id": subscription, "topic": topic, "url": url, "until": until.isoformat()}
        try:
            answer = await self._ask("PATCH", self.how.one, self.how.renew, values)
        except NotFound:
            return None
        return self._subscribed(answer, until, subscription)

    async def end(self, subscription: str) -> None:
        """Ask for no more."""
        try:
            await self._ask("DELETE", self.how.one, None, {"id": subscription})
        except NotFound:
            return

    def _until(self) -> datetime:
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        # A little less than is allowed: the API's clock may be behind ours.
        return now.replace(microsecond=0) + timedelta(days=self.how.days) - timedelta(minutes=10)

    async def _ask(self, method: str, path: str, content: Any, values: Mapping[str, str]) -> Any:
        base = fill(self.profile.base_url, self.settings).rstrip("/")
        where, _, query = fill(path, {**self.settings, **values}).lstrip("/").partition("?")
        parameters = tuple(parse_qsl(query))
        body = None
        if content is not None:
            body = Body(
                kind="json",
                content=json.dumps(_filled(content, values)),
                in_address=frozenset(name for name, _ in parameters),
            )
        asked = Request(url=f"{base}/{where}", method=method, parameters=parameters, body=body)
        answer = await self.source.ask(asked)
        try:
            return json.loads(answer.body) if answer.body.strip() else {}
        except ValueError:
            raise ResponseRefused("the answer about a subscription is not JSON") from None

    def _subscribed(self, answer: Any, until: datetime, known: str) -> Subscribed:
        found = _at(answer, self.how.id)
        if found is None and not known:
            raise ResponseRefused(
                "the answer about a subscription has no id", hint="check 'id' in the profile"
            )
        told = _at(answer, self.how.until) if self.how.until else None
        return Subscribed(id=known if found is None else str(found), until=_moment(told) or until)


@asynccontextmanager
async def subscribing(
    project: Project, name: str, clock: Clock, tokens: StoredTokens
) -> AsyncIterator[Subscribing]:
    """Open the API of a connection whose profile knows how to subscribe.

    Raises what opening a source raises.
    """
    await fetch_profile(project, name)
    given = source_properties(project, name)
    profile = load_profile(given.profile)
    assert profile.webhooks is not None  # noqa: S101 (its rows would not be there)
    assert profile.webhooks.subscription is not None  # noqa: S101 (likewise)
    async with opened_api(
        name, given, profile, clock,
        observe=lambda _: None, say=lambda _: None, tokens=tokens,
        reach=project.connections[name].reach,
    ) as source:  # fmt: skip
        yield Subscribing(
            source=source,
            profile=profile,
            settings=resolved(profile, given.settings),
            how=profile.webhooks.subscription,
            clock=clock,
        )


def _filled(content: Any, values: Mapping[str, str]) -> Any:
    match content:
        case str():
            return fill(content, values)
        case dict():
            return {name: _filled(inner, values) for name, inner in content.items()}
        case list() | tuple():
            return [_filled(inner, values) for inner in content]
        case _:
            return content


def _at(answer: Any, path: str) -> Any:
    for step in path.split("."):
        answer = answer.get(step) if isinstance(answer, dict) else None
    return answer


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
