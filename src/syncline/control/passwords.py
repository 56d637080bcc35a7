"""Passwords and other secrets of people: hashed, compared in constant time, drawn at random."""

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from syncline.errors import Invalid

#: Shorter ones can be guessed; longer ones only keep the hasher busy.
SHORTEST, LONGEST = 12, 1000
_HASHER = PasswordHasher()
#: Verified where there is no user, so that the answer takes as long as where there is one.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$/6H3Kk+sS3TGwEKSgdL5lQ"
    "$bIDLP8D9GpD14w5XxLAJHwlQlLxG8QJxGXtbv1Tvf8M"
)
#: Hashing takes 64 MiB and a core each: no flood of attempts may take all.
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


def check_password(password: str, user: str) -> None:
    """Raise `Invalid` for a password that others would guess."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            f"a password has {SHORTEST} to {LONGEST} characters",
            hint="several words in a row are easy to remember",
        )
    if user.lower() in password.lower() or len(set(password)) < SHORTEST // 2:
        raise Invalid(
            "this password is easy to guess", hint="leave the name out, and use more characters"
        )


async def hashed(password: str) -> str:
    """Return the Argon2 hash to keep."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _HASHER.hash, password)


async def verified(kept: str | None, password: str) -> bool:
    """Return whether it is the password; takes equally long when none is kept."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_POOL, _verified, kept, password[: LONGEST + 1])


def outdated(kept: str) -> bool:
    """Return whether it was hashed with weaker parameters than new ones are."""
    return _HASHER.check_needs_rehash(kept)


def new_secret(prefix: str = "") -> str:
    """Return a text of 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a secret of ours; such secrets are too long to be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _verified(kept: str | None, password: str) -> bool:
    try:
        right = _HASHER.verify(kept or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None
