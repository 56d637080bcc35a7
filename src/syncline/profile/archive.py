"""Zip files of profiles, read with care: nothing is extracted, nothing huge is unpacked."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from syncline.errors import ProfileError

#: Files of an archive, bytes of one of them, and of all of them together.
FILES, ONE, ALL = 5_000, 16 * 1024 * 1024, 128 * 1024 * 1024
_BLOCK = 1 << 20


def members(path: Path, endings: tuple[str, ...]) -> Mapping[str, bytes]:
    """Return the files of a zip whose names end so, by name.

    Raises `ProfileError` for a file that is no zip, that has names which lead out of it, is
    encrypted, or is greater, unpacked, than any profile.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
            _check(path, listed)
            wanted = [m for m in listed if m.filename.lower().endswith(endings) and not m.is_dir()]
            found: dict[str, bytes] = {}
            left = ALL
            for member in wanted:
                found[member.filename] = _read(path, archive, member, min(ONE, left))
                left -= len(found[member.filename])
            return found
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProfileError(f"cannot read {path}: {reason}") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise ProfileError(f"cannot read {path}: it is no zip file: {error}") from error


def _check(path: Path, listed: list[zipfile.ZipInfo]) -> None:
    if len(listed) > FILES:
        raise ProfileError(f"{path}: an archive of {len(listed)} files is not read")
    for member in listed:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name.partition("/")[0] or ".." in name.split("/"):
            raise ProfileError(
                f"{path}: the name {member.filename!r} leads out of the archive",
                hint="an archive like this is made to write where it should not",
            )
        if member.flag_bits & 1:
            raise ProfileError(f"{path}: {member.filename} is encrypted")


def _read(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return the bytes of a member, whatever size it says that it has."""
    parts: list[bytes] = []
    size = 0
    with archive.open(member) as file:
        while part := file.read(_BLOCK):
            size += len(part)
            if size > most:
                raise ProfileError(
                    f"{path}: {member.filename} is too large for a profile when it is unpacked"
                )
            parts.append(part)
    return b"".join(parts)
