"""The composition root: from connections as they are written down to sources and destinations."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from sqlglot import exp

from syncline.control.databases import (
    Looked,
    databricks,
    databricks_checks,
    postgres,
    sqlserver,
)
from syncline.control.fetching import obtained
from syncline.control.project import ConnectionSpec, Project
from syncline.control.properties import (
    MODELS,
    ApiProperties,
    DatabricksProperties,
    DuckDBProperties,
    PostgresProperties,
    Properties,
    SQLServerProperties,
    parse_pairs,
    properties_of,
)
from syncline.control.references import substituted
from syncline.destinations.duckdb import open_duckdb
from syncline.errors import (
    CredentialError,
    ProjectError,
    PropertyError,
)
from syncline.extract.credentials import Credentials
from syncline.extract.describe import views
from syncline.extract.oauth import Registration, registration
from syncline.extract.source import RestSource, Watch, rest_source
from syncline.extract.tokens import MemoryTokens, Tokens, TokenStore, token_store
from syncline.extract.transport import Transport
from syncline.model.ports import Destination, Source
from syncline.model.reach import EVERYWHERE, Reach
from syncline.model.run import Clock, Event
from syncline.model.table import Table
from syncline.profile.auth import OAuth
from syncline.profile.loader import load_profile
from syncline.profile.schema import Profile
from syncline.profile.settings import resolved

#: Prints one line for the user.
Say: TypeAlias = Callable[[str], None]
#: Shows the user an address to open, for an OAuth sign-in.
OpenBrowser: TypeAlias = Callable[[str], Awaitable[None]]


def say_nothing(_: str) -> None:
    """Take a line that nobody wants."""


@asynccontextmanager
async def opened_source(
    project: Project,
    name: str,
    clock: Clock,
    *,
    observe: Callable[[Event], None],
    say: Say,
    open_browser: OpenBrowser | None = None,
    tokens: TokenStore | None = None,
) -> AsyncIterator[Source]:
    """Open a source for as long as the context lasts.

    Signs in first where that is needed and allowed, with the user's browser unless another
    ``open_browser`` is given. ``tokens``: where OAuth tokens are kept, unless the properties
    bring their own. Raises `PropertyError`, `ProfileError`, `CredentialError`.
    """
    given, reach = source_properties(project, name), project.connections[name].reach
    await fetch_profile(project, name)
    profile = load_profile(given.profile)
    async with opened_api(
        name, given, profile, clock,
        observe=observe, say=say, open_browser=open_browser, tokens=tokens, reach=reach,
    ) as source:  # fmt: skip
        yield source


@asynccontextmanager
async def opened_api(
    name: str,
    given: ApiProperties,
    profile: Profile,
    clock: Clock,
    *,
    observe: Callable[[Event], None],
    say: Say,
    open_browser: OpenBrowser | None = None,
    tokens: TokenStore | None = None,
    watch: Watch | None = None,
    reach: Reach = EVERYWHERE,
) -> AsyncIterator[RestSource]:
    """Open the API of a profile as `opened_source` does; ``name``: the connection's.

    ``watch`` is shown every request and its answer. ``reach``: where the API may be.
    """
    settings = resolved(profile, given.settings)
    credentials = _credentials(name, given, clock, tokens)
    scheme = next(
        (a for a in profile.auth if a.scheme.lower() == credentials.scheme.lower()),
        profile.auth[0],
    )
    kept = credentials.tokens
    if isinstance(scheme, OAuth) and kept is not None and await kept.load() is None:
        if kept is tokens:
            raise CredentialError(
                f"nobody has signed in for the connection {name}",
                hint="authorize the connection, then run again",
            )
        known = registration(scheme, settings, credentials)
        # aiohttp's server side is needed for nothing else, and slow to load.
        from syncline.control.oauth import in_browser  # noqa: PLC0415

        browser = open_browser or in_browser(say)
        await _signed_in(known, given, kept, clock, browser, reach=reach)
    source = rest_source(
        profile=profile,
        settings=settings,
        credentials=credentials,
        clock=clock,
        observe=observe,
        watch=watch,
        reach=reach,
        names=(name,),
    )
    try:
        yield source
    finally:
        await source.aclose()


async def fetch_profile(project: Project, name: str) -> None:
    """Fetch the profile of a source that is given by its address, so that it can be looked at.

    Raises `ProfileError`, `AddressRefused`.
    """
    await obtained(source_properties(project, name).profile, project.connections[name].reach)


def described(project: Project, name: str) -> Mapping[str, Table]:
    """Return the tables that a source offers: nobody signs in, nothing is sent.

    A profile that is given by its address must have been fetched before.
    """
    given = source_properties(project, name)
    profile = load_profile(given.profile)
    resolved(profile, given.settings)
    names = tuple(dict.fromkeys((name, profile.name)))
    return {table: replace(view.table, qualifiers=names) for table, view in views(profile).items()}


def opener(
    project: Project, name: str, *, announce: Say = say_nothing
) -> Callable[[], Awaitable[Destination]]:
    """Return what opens a destination. Raises `PropertyError` at once if it cannot be right.

    ``announce`` is told when something has to be waited for before it can be used.
    """
    given = destination_properties(project, name)

    async def opened() -> Destination:
        match given:
            case DuckDBProperties():
                return await asyncio.to_thread(
                    open_duckdb,
                    given.database,
                    schema=given.schema_name,
                    memory_limit=given.memory_limit,
                    threads=given.threads,
                )
            case PostgresProperties():
                return postgres(given)
            case SQLServerProperties():
                return sqlserver(given)
            case DatabricksProperties():
                return databricks(given, announce)
            case _:
                raise AssertionError(f"no destination for {type(given).__name__}")

    return opened


def is_made(project: Project, name: str) -> bool:
    """Say whether a destination is there; opening the file of DuckDB would make it."""
    given = destination_properties(project, name)
    return not isinstance(given, DuckDBProperties) or Path(given.database).expanduser().exists()


async def look_at_destination(
    project: Project, name: str, announce: Say = say_nothing
) -> AsyncGenerator[Looked]:
    """Look at what a load needs of a destination, one by one; stops where it makes no sense.

    ``announce`` is told what has to be waited for. Raises what opening it raises.
    """
    given = destination_properties(project, name)
    yield Looked(name="settings")
    if isinstance(given, DatabricksProperties):
        async with aclosing(databricks_checks(given, announce)) as found:
            async for looked in found:
                yield looked
        return
    destination = await opener(project, name)()
    try:
        yield Looked(name="connect")
        await destination.fetch(exp.select(exp.Literal.number(1).as_("one")))
        yield Looked(name="query")
    finally:
        await destination.aclose()


def source_properties(project: Project, name: str) -> ApiProperties:
    """Return the properties of a source."""
    given = _properties(project, name)
    if not isinstance(given, ApiProperties):
        raise ProjectError(
            f"the connection {name!r} is a {project.connections[name].type} database, no source",
            hint="name a connection of 'type: api'",
        )
    return given


def destination_properties(project: Project, name: str) -> Properties:
    """Return the properties of a destination."""
    given = _properties(project, name)
    if isinstance(given, ApiProperties):
        raise ProjectError(
            f"the connection {name!r} is an API, no destination",
            hint="name the connection of a database",
        )
    return given


def _properties(project: Project, name: str) -> Properties:
    spec: ConnectionSpec = project.connections[name]
    written = spec.properties
    pairs = parse_pairs(written) if isinstance(written, str) else written
    try:
        given = substituted(name, pairs) if spec.substitutes else pairs
        return properties_of(MODELS[spec.type], given)
    except PropertyError as error:
        raise PropertyError(f"connection {name}: {error}", hint=error.hint) from None


def _credentials(
    name: str, given: ApiProperties, clock: Clock, tokens: TokenStore | None
) -> Credentials:
    return Credentials(
        scheme=given.auth_scheme or "",
        user=given.user,
        password=given.password.get_secret_value(),
        client_id=given.oauth_client_id,
        client_secret=given.oauth_client_secret.get_secret_value(),
        tokens=_tokens(name, given, clock, tokens),
    )


def _tokens(name: str, given: ApiProperties, clock: Clock, tokens: TokenStore | None) -> TokenStore:
    access = given.oauth_access_token.get_secret_value()
    refresh = given.oauth_refresh_token.get_secret_value()
    if access or refresh:
        return MemoryTokens(Tokens(access_token=access, refresh_token=refresh))
    if tokens is not None:
        return tokens
    location = given.oauth_settings_location or str(_default_location(name, given))
    return token_store(location, clock)


def _default_location(name: str, given: ApiProperties) -> Path:
    """Return a file in the user's own data folder, another one for each client and host."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    parts = [given.profile, given.oauth_client_id, *map("=".join, sorted(given.settings.items()))]
    mark = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return Path(base) / "syncline" / f"oauth-{name}-{mark}.json"


async def _signed_in(
    known: Registration,
    given: ApiProperties,
    tokens: TokenStore,
    clock: Clock,
    open_browser: OpenBrowser,
    *,
    reach: Reach,
) -> None:
    if given.initiate_oauth != "GETANDREFRESH":
        raise CredentialError(
            "there are no OAuth tokens, and InitiateOAuth does not allow to ask for them",
            hint="set InitiateOAuth to GETANDREFRESH, or give OAuthAccessToken",
        )
    from syncline.control.oauth import sign_in  # noqa: PLC0415 (as above)

    async with _transport(reach) as transport:
        granted = await sign_in(
            known,
            callback_url=given.callback_url,
            open_browser=open_browser,
            send=transport.send,
            clock=clock,
        )
    await tokens.save(granted)


@asynccontextmanager
async def _transport(reach: Reach) -> AsyncIterator[Transport]:
    transport = Transport(reach=reach)
    try:
        yield transport
    finally:
        await transport.aclose()
