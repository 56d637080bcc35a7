"""Where a profile's text comes from: a file, folder or zip, or an address with a checksum."""

import hashlib
import io
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag, urlsplit
from urllib.request import Request, urlopen

from syncline import __version__
from syncline.errors import ProfileError
from syncline.profile.archive import ONE, members

#: The file of a folder or zip that is the profile.
PROFILE = "profile.yaml"
_YAML, _ZIP = {".yaml", ".yml"}, {".zip", ".apip"}
_LOCAL = {"127.0.0.1", "::1", "localhost"}
_PIN = re.compile(r"sha256=([0-9a-fA-F]{64})")
_SECONDS = 30.0
_TOO_LARGE = f"it is larger than {ONE} bytes, which no profile is"


def profile_text(profile: str) -> tuple[str, str] | None:
    """Return the text of the profile at a path or address, and what to call it in complaints.

    None if it is neither: then it may be a name. Raises `ProfileError` if it cannot be read.
    """
    if "://" in profile:
        return _at_address(profile)
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
        raise ProfileError(f"cannot read the profile {path}: {_TOO_LARGE}")
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


def _at_address(profile: str) -> tuple[str, str]:
    address, fragment = urldefrag(profile)
    parts = urlsplit(address)
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
    wanted = pin[1].lower()
    content = _kept(wanted)
    if content is None:
        content = _fetched(address)
        found = hashlib.sha256(content).hexdigest()
        if found != wanted:
            raise ProfileError(
                f"{address} is not the profile that it was: its sha256 is {found}",
                hint="look at what has changed, and only then at the checksum",
            )
        _keep(wanted, content)
    if content.startswith(b"PK\x03\x04"):
        return _in_zip(io.BytesIO(content), address)
    return _decoded(content, address), address


def _fetched(address: str) -> bytes:
    request = Request(address, headers={"User-Agent": f"syncline/{__version__}"})  # noqa: S310 (checked)
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 (checked above)
            content: bytes = answer.read(ONE + 1)
    except HTTPError as error:
        error.close()
        raise ProfileError(f"cannot fetch {address}: it answered {error.code}") from error
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ProfileError(f"cannot fetch {address}: {reason}") from error
    if len(content) > ONE:
        raise ProfileError(f"cannot fetch {address}: {_TOO_LARGE}")
    return content


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "syncline" / "profiles"


def _kept(wanted: str) -> bytes | None:
    """Return what was fetched before, if it is what it should be."""
    try:
        content = (_folder() / wanted).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == wanted else None


def _keep(name: str, content: bytes) -> None:
    # Without a place to keep it, it is fetched each time.
    with suppress(OSError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(content)
        Path(file.name).replace(folder / name)
