"""Seals secrets for the store and opens them again; several keys, of which the newest seals."""

import hashlib
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import insert, select

from syncline.control.store.database import Store, store_url
from syncline.control.store.settings import settings
from syncline.errors import VaultError
from syncline.profile.loader import SEALED

#: Holds the keys, newest first, with commas between.
VARIABLE = "SYNCLINE_SECRET_KEY"
#: Shorter ones could be guessed by trying.
SHORTEST = 32
_FORM = SEALED.removesuffix(":")
#: The row of the settings by which a machine sees whether it has the right key.
_PROOF = "vault"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    #: Tells which key sealed a value; says nothing about the key.
    name: str
    fernet: Fernet = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Seals with its first key and opens with any."""

    keys: tuple[_Key, ...]

    def seal(self, secret: str) -> str:
        """Return a text that only a holder of the key can turn back."""
        key = self.keys[0]
        return f"{_FORM}:{key.name}:{key.fernet.encrypt(secret.encode()).decode()}"

    def open(self, sealed: str) -> str:
        """Return the secret. Raises `VaultError` if none of the keys sealed it, or it was changed.

        Invariant 7: call this only to connect.
        """
        form, _, rest = sealed.partition(":")
        name, _, token = rest.partition(":")
        if form != _FORM:
            raise VaultError(
                "this is not a sealed secret", hint="enter the secret itself; it will be sealed"
            )
        for key in self.keys:
            if key.name == name:
                try:
                    return key.fernet.decrypt(token.encode()).decode()
                except InvalidToken:
                    raise VaultError(
                        "a sealed secret has been changed or cut off", hint="enter it again"
                    ) from None
        raise VaultError(
            f"a secret was sealed with the key {name}, which is not here",
            hint=f"add that key to {VARIABLE} after the newest one, with a comma between; or "
            "enter the secret again",
        )

    def stale(self, sealed: str) -> bool:
        """Return whether an older key than the newest sealed it."""
        return not sealed.startswith(f"{_FORM}:{self.keys[0].name}:")


def vault_of(keys: Sequence[str]) -> Vault:
    """Return a vault with these keys, newest first: any texts of 32 characters or more."""
    if not keys:
        raise VaultError("there is no key to seal with", hint=f"set {VARIABLE}")
    for key in keys:
        if len(key) < SHORTEST:
            raise VaultError(
                f"a key in {VARIABLE} is shorter than {SHORTEST} characters",
                hint=f"make one with: openssl rand -base64 {SHORTEST}",
            )
    return Vault(keys=tuple(_key(key) for key in keys))


async def open_vault(
    store: Store, address: str, environment: Mapping[str, str] = os.environ
) -> Vault:
    """Return the vault of a store: keys from SYNCLINE_SECRET_KEY, else from a file.

    The file stands beside a SQLite store, else in the user's data folder; it is made at the
    first start. Raises `VaultError` if the store's secrets were sealed with another key: on a
    second machine, for one.
    """
    proof = await _proof(store)
    if given := environment.get(VARIABLE, ""):
        vault = vault_of([key for part in given.split(",") if (key := part.strip())])
    else:
        vault = vault_of(_from_file(key_file(address, environment), may_make=proof is None))
    if proof is not None:
        vault.open(proof)
        return vault
    async with store.writing() as connection:
        # Another node may have been quicker, with another key.
        found = await connection.scalar(select(settings.c.value).where(settings.c.name == _PROOF))
        if found is None:
            row = {"name": _PROOF, "value": vault.seal("proof")}
            await connection.execute(insert(settings).values(row))
            return vault
    vault.open(str(found))
    return vault


def key_file(address: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the key of a store is kept if no variable holds it."""
    url = store_url(address)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(url.database).expanduser().with_suffix(".key")
    base = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "syncline" / "secret.key"


def new_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_urlsafe(SHORTEST)


async def _proof(store: Store) -> str | None:
    async with store.reading() as connection:
        found = await connection.scalar(select(settings.c.value).where(settings.c.name == _PROOF))
    return None if found is None else str(found)


def _from_file(path: Path, *, may_make: bool) -> list[str]:
    try:
        return [line for part in path.read_text("utf-8").split("\n") if (line := part.strip())]
    except FileNotFoundError:
        if not may_make:
            raise VaultError(
                f"the store's secrets are sealed with a key that is neither in {VARIABLE} nor in "
                f"{path}",
                hint=f"set {VARIABLE} to the key of the machine that sealed them",
            ) from None
    except OSError as error:
        raise VaultError(f"cannot read the key file {path}: {error.strerror}") from error
    key = new_key()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
    except FileExistsError:
        return _from_file(path, may_make=False)
    except OSError as error:
        raise VaultError(
            f"cannot make the key file {path}: {error.strerror}",
            hint=f"make its folder writable, or set {VARIABLE}",
        ) from error
    return [key]


def _key(text: str) -> _Key:
    derived = HKDF(
        algorithm=SHA256(), length=32, salt=None, info=b"syncline: sealed secrets"
    ).derive(text.encode())
    name = hashlib.sha256(b"syncline: name of a key" + derived).hexdigest()[:8]
    return _Key(name=name, fernet=Fernet(urlsafe_b64encode(derived)))
