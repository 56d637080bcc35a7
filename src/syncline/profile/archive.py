"""Zip files of profiles, read with care: nothing is extracted, nothing huge is unpacked."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from syncline.errors import ProfileError

#: The environment may allow larger profiles: MiB of one file.
SIZE = "SYNCLINE_PROFILE_SIZE"
_MIB = int(os.environ.get(SIZE, "16")) if os.environ.get(SIZE, "16").isdecimal() else 16
#: Files of an archive, bytes of one of them, and of all of them together.
FILES, ONE, ALL = max(5_000, 300 * _MIB), _MIB * 2**20, 8 * _MIB * 2**20
LARGER = f"the environment variable {SIZE} says how many MiB are read; it is {_MIB}"
_BLOCK = 1 << 20


def members(file: Path | BinaryIO, endings: tuple[str, ...], *, shown: str) -> Mapping[str, bytes]:
    """Return the files of a zip whose names end so, by name; ``shown`` names it in complaints.

    Raises `ProfileError` for a file that is no zip, that has names which lead out of it, is
    encrypted, or is greater, unpacked, than any profile.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            listed = archive.infolist()
            _check(shown, listed)
            wanted = [m for m in listed if m.filename.lower().endswith(endings) and not m.is_dir()]
            found: dict[str, bytes] = {}
            left = ALL
            for member in wanted:
                found[member.filename] = _read(shown, archive, member, min(ONE, left))
                left -= len(found[member.filename])
            return found
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProfileError(f"cannot read {shown}: {reason}") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise ProfileError(f"cannot read {shown}: it is no zip file: {error}") from error


def _check(shown: str, listed: list[zipfile.ZipInfo]) -> None:
    if len(listed) > FILES:
        raise ProfileError(f"{shown}: an archive of {len(listed)} files is not read", hint=LARGER)
    for member in listed:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name.partition("/")[0] or ".." in name.split("/"):
            raise ProfileError(
                f"{shown}: the name {member.filename!r} leads out of the archive",
                hint="an archive like this is made to write where it should not",
            )
        if member.flag_bits & 1:
            raise ProfileError(f"{shown}: {member.filename} is encrypted")


def _read(shown: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return the bytes of a member, whatever size it says that it has."""
    parts: list[bytes] = []
    size = 0
    with archive.open(member) as inside:
        while part := inside.read(_BLOCK):
            size += len(part)
            if size > most:
                raise ProfileError(
                    f"{shown}: {member.filename} is too large for a profile when it is unpacked",
                    hint=LARGER,
                )
            parts.append(part)
    return b"".join(parts)
