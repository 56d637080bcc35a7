"""Profiles at addresses are fetched here, before anything needs them; nowhere else."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from syncline.control.properties import parse_pairs
from syncline.control.references import VARIABLE
from syncline.errors import (
    AddressRefused,
    ConfigError,
    ProfileError,
    ResponseRefused,
    TransientError,
)
from syncline.extract.answer import Answer
from syncline.extract.transport import Transport
from syncline.model.reach import EVERYWHERE, Reach
from syncline.profile.archive import ONE
from syncline.profile.pagination import Request
from syncline.profile.sources import Pinned, is_kept, keep, pinned

#: So long may it take as a whole, in seconds.
PATIENCE = 20.0
_MOST_REDIRECTS = 5
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def obtained(profile: object, reach: Reach = EVERYWHERE) -> None:
    """Fetch a profile that is given by its address, unless it was fetched before.

    Names, paths and what is no text are left as they are. Raises `ProfileError`,
    `AddressRefused` for an address, or a redirection to one, that is out of reach.
    """
    if not isinstance(profile, str) or VARIABLE.search(profile):
        return
    place = pinned(profile)
    if place is not None and not await asyncio.to_thread(is_kept, place):
        content = await _fetched(place, reach)
        await asyncio.to_thread(keep, place, content)


async def obtain_profile(properties: Mapping[str, object] | str, reach: Reach) -> None:
    """Fetch the profile that properties of a connection name by its address.

    Before a transaction: it would wait, and others for it. Raises as `obtained`.
    """
    pairs = parse_pairs(properties) if isinstance(properties, str) else properties
    for name, value in pairs.items():
        if name.lower() == "profile":
            await obtained(value, reach)


async def _fetched(place: Pinned, reach: Reach) -> bytes:
    transport = Transport(connections=1, timeout=PATIENCE, most=ONE, reach=reach)
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await _followed(transport, place.address)
    except (TimeoutError, TransientError) as error:
        why = str(error) or f"no answer within {PATIENCE:.0f} seconds"
        raise ProfileError(f"cannot fetch {place.address}: {why}") from error
    except ResponseRefused as error:
        raise ProfileError(
            f"cannot fetch {place.address}: it is larger than {ONE} bytes, which no profile is"
        ) from error
    except AddressRefused as error:
        raise AddressRefused(f"cannot fetch {place.address}: {error}", hint=error.hint) from None
    except (ConfigError, ValueError) as error:
        raise ProfileError(f"cannot fetch {place.address}: {error}") from error
    finally:
        await transport.aclose()
    if answer.status != _OK:
        raise ProfileError(f"cannot fetch {place.address}: it answered {answer.status}")
    return answer.body


async def _followed(transport: Transport, address: str) -> Answer:
    """Return the answer behind redirections: each goes through the same door as the first."""
    scheme = urlsplit(address).scheme
    answer = await transport.send(Request(url=address))
    for _ in range(_MOST_REDIRECTS):
        if answer.status not in _REDIRECTS:
            break
        address = urljoin(address, answer.headers.get("location", ""))
        if urlsplit(address).scheme not in {"https", scheme}:
            raise ConfigError("it leads to an address that is not https")
        answer = await transport.send(Request(url=address))
    return answer
