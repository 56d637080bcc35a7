"""OAuth tokens, and where a connection keeps them between runs."""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import BaseFileLock, FileLock, Timeout

from syncline.errors import ConfigError, PropertyError
from syncline.model.run import Clock

#: A token is renewed so many seconds before it ends, or a tenth of its life before if shorter.
_EARLY = 60.0
_POLL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an authorization server gave us."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    #: Seconds since the epoch; None if the server did not say.
    expires_at: float | None = None
    #: Seconds from issue to end, if the server said so.
    lifetime: float | None = None
    scope: str = ""

    def expired(self, now: float) -> bool:
        """Say whether the token ends so soon that it should be renewed first."""
        if self.expires_at is None:
            return False
        early = _EARLY if self.lifetime is None else min(_EARLY, self.lifetime / 10)
        return now >= self.expires_at - early


class TokenStore(Protocol):
    """Somewhere to keep one connection's tokens."""

    async def load(self) -> Tokens | None:
        """Return what was saved last, by whichever process; None if nothing was."""
        ...

    async def save(self, tokens: Tokens) -> None:
        """Keep the tokens in place of earlier ones."""
        ...

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Keep everyone else who shares the store out while tokens are renewed."""
        ...


class MemoryTokens:
    """Keeps tokens for as long as the process lives."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens
        self._lock = asyncio.Lock()

    async def load(self) -> Tokens | None:
        """Return what was saved last."""
        return self._tokens

    async def save(self, tokens: Tokens) -> None:
        """Keep the tokens in place of earlier ones."""
        self._tokens = tokens

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Keep the other tasks of this process out."""
        return _holding(self._lock)


class FileTokens:
    """Keeps tokens in a JSON file that only its owner can read, shared between processes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = asyncio.Lock()

    async def load(self) -> Tokens | None:
        """Return the tokens in the file, or None if there is no file.

        Raises `ConfigError` if the file cannot be read or holds something else.
        """
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the OAuth tokens in {self._path}: {error}") from None
        try:
            return _parse(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            # The parser's own message would quote the file, and with it the tokens.
            raise ConfigError(
                f"{self._path} does not hold OAuth tokens",
                hint="delete the file and connect again",
            ) from None

    async def save(self, tokens: Tokens) -> None:
        """Replace the file at once: a reader sees the old tokens or the new ones."""
        content = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": tokens.expires_at,
            "expires_in": tokens.lifetime,
            "scope": tokens.scope,
        }
        try:
            _replace(self._path, json.dumps(content))
        except OSError as error:
            raise ConfigError(
                f"cannot write the OAuth tokens to {self._path}: {error}",
                hint="free space, or let OAuthSettingsLocation name a file that can be written",
            ) from None

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Keep other tasks and other processes of this machine out."""
        return self._exclusive()

    @contextlib.asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        # The lock is a file of its own, because the tokens' file is replaced at every save.
        beside = self._path.with_name(self._path.name + ".lock")
        lock = FileLock(beside, mode=0o600, is_singleton=False)
        async with self._lock:
            try:
                beside.parent.mkdir(parents=True, exist_ok=True)
                while not _locked(lock):
                    await self._clock.sleep(_POLL)
            except OSError as error:
                raise ConfigError(f"cannot lock the OAuth tokens with {beside}: {error}") from None
            try:
                yield
            finally:
                lock.release()


def token_store(location: str, clock: Clock) -> TokenStore:
    """Return the store at a location: a path, or ``memory://`` and anything after it.

    Raises `PropertyError` for a location of another kind.
    """
    if location.startswith("memory://"):
        return MemoryTokens()
    if "://" in location:
        raise PropertyError(
            f"OAuthSettingsLocation cannot be {location!r}",
            hint="give the path of a file, or memory://",
        )
    return FileTokens(Path(location).expanduser(), clock)


@contextlib.asynccontextmanager
async def _holding(lock: asyncio.Lock) -> AsyncIterator[None]:
    async with lock:
        yield


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp creates with mode 0600 from the start; the rename keeps it.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tokens-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _locked(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _parse(text: str) -> Tokens:
    content = json.loads(text)
    return Tokens(
        access_token=_text(content["access_token"]),
        refresh_token=_text(content.get("refresh_token") or ""),
        expires_at=_number(content.get("expires_at")),
        lifetime=_number(content.get("expires_in")),
        scope=_text(content.get("scope") or ""),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
