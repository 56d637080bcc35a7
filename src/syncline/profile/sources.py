"""Where a profile's text comes from: a file, folder or zip, or an address with a checksum."""

import hashlib
import io
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urldefrag, urlsplit

from syncline.errors import ProfileError
from syncline.profile.archive import LARGER, ONE, members

#: The file of a folder or zip that is the profile.
PROFILE = "profile.yaml"
_YAML, _ZIP = {".yaml", ".yml"}, {".zip", ".apip"}
_LOCAL = {"127.0.0.1", "::1", "localhost"}
_PIN = re.compile(r"sha256=([0-9a-fA-F]{64})")
_TOO_LARGE = f"it is larger than {ONE} bytes, which no profile is"
#: What was fetched and could not be kept in a file, by its sha256.
_FETCHED: dict[str, bytes] = {}
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A file at an address, and which file that must be."""

    address: str
    sha256: str


def profile_text(profile: str) -> tuple[str, str] | None:
    """Return the text of the profile at a path or address, and what to call it in complaints.

    What is at an address must have been fetched before: nothing is sent. None if it is neither:
    then it may be a name. Raises `ProfileError` if it cannot be read.
    """
    place = pinned(profile)
    if place is not None:
        return _at_address(place)
    path = Path(profile).expanduser()
    suffix = path.suffix.lower()
    if suffix in _ZIP:
        return _in_zip(path, str(path))
    if suffix in _YAML and not path.is_dir():
        return _decoded(_read(path), str(path)), str(path)
    if not path.is_dir():
        return None
    file = next((path / n for n in (PROFILE, "profile.yml") if (path / n).is_file()), None)
    if file is None:
        raise ProfileError(f"the folder {path} has no {PROFILE}")
    return _decoded(_read(file), str(file)), str(file)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(ONE + 1)
    except OSError as error:
        raise ProfileError(f"cannot read the profile {path}: {error.strerror}") from error
    if len(content) > ONE:
        raise ProfileError(f"cannot read the profile {path}: {_TOO_LARGE}", hint=LARGER)
    return content


def _decoded(content: bytes, shown: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ProfileError(f"cannot read the profile {shown}: it is not UTF-8 text") from error


def _in_zip(file: Path | BinaryIO, shown: str) -> tuple[str, str]:
    """Return the profile of a zip: at its top, or in the only folder there."""
    found = members(file, (".yaml", ".yml", ".rsd"), shown=shown)
    wanted = [n for n in found if n.rpartition("/")[2].lower() in {PROFILE, "profile.yml"}]
    wanted = [n for n in wanted if n.count("/") <= 1]
    if len(wanted) == 1:
        name = f"{shown}/{wanted[0]}"
        return _decoded(found[wanted[0]], name), name
    if any(n.lower().endswith(".rsd") for n in found):
        raise ProfileError(
            f"{shown} is an archive of CData's API Driver",
            hint=f"make a profile of it: syncline profile import cdata {shown}",
        )
    many = "more than one" if wanted else "no"
    raise ProfileError(f"{shown} has {many} {PROFILE}")


def pinned(profile: str) -> Pinned | None:
    """Return an address as it was given for a profile; None for a name or path.

    Raises `ProfileError` for one that profiles are not fetched from.
    """
    if "://" not in profile:
        return None
    try:
        address, fragment = urldefrag(profile)
        parts = urlsplit(address)
    except ValueError:
        raise ProfileError(
            "this is no address of a profile", hint="write https://host/path#sha256=…"
        ) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ProfileError(
            f"a profile cannot be fetched by {parts.scheme}://", hint="give an https:// address"
        )
    if parts.username or parts.password:
        # Invariant 7: this text is in project files, logs and errors.
        raise ProfileError("an address of a profile cannot hold a user or password")
    pin = _PIN.fullmatch(fragment)
    if pin is None:
        raise ProfileError(
            f"the address {address} has no checksum",
            hint="add #sha256= and the 64 digits that sha256sum prints for the file: what a "
            "profile says decides where your credentials go",
        )
    return Pinned(address=address, sha256=pin[1].lower())


def is_kept(place: Pinned) -> bool:
    """Return whether the file was fetched before."""
    return _kept(place.sha256) is not None


def keep(place: Pinned, content: bytes) -> None:
    """Keep what was fetched. Raises `ProfileError` if it is not what it should be."""
    found = hashlib.sha256(content).hexdigest()
    if found != place.sha256:
        raise ProfileError(
            f"{place.address} is not the profile that it was: its sha256 is {found}",
            hint="look at what has changed, and only then at the checksum",
        )
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(content)
        Path(file.name).replace(folder / found)
    except OSError:
        # Without a place to keep it, as long as the process lives.
        while len(_FETCHED) >= _MOST:
            del _FETCHED[next(iter(_FETCHED))]
        _FETCHED[found] = content


def _at_address(place: Pinned) -> tuple[str, str]:
    content = _kept(place.sha256)
    if content is None:
        raise ProfileError(
            f"{place.address} has not been fetched yet", hint="test the connection that uses it"
        )
    if content.startswith(b"PK\x03\x04"):
        return _in_zip(io.BytesIO(content), place.address)
    return _decoded(content, place.address), place.address


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "syncline" / "profiles"


def _kept(wanted: str) -> bytes | None:
    """Return what was fetched before, if it is what it should be."""
    if wanted in _FETCHED:
        return _FETCHED[wanted]
    try:
        content = (_folder() / wanted).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == wanted else None
