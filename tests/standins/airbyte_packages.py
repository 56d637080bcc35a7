"""Imports every manifest of a folder of downloaded packages, and reads all their tables.

`make test-airbyte`. Fails if a row is missing or wrong, or if fewer manifests are imported than
there should be.
"""

# ruff: noqa: T201 (a script)
import asyncio
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from standins.airbyte_reading import read_all
from syncline.errors import ProfileError

#: So many of the packages that are listed can be imported, and so many tables of them.
MANIFESTS, TABLES = 47, 345


def main(folder: Path) -> int:
    """Print one line for each package; return the exit code."""
    manifests = tables = 0
    failed: list[str] = []
    for name, text, schemas in packages(folder):
        try:
            found, wrong = asyncio.run(read_all(text, schemas, name))
        except ProfileError as error:
            print(f"{name}: not imported: {str(error).partition(':')[2][:200]}")
            continue
        manifests += 1
        tables += len(found.tables)
        failed += wrong
        print(f"{name}: {len(found.tables)} tables, {len(found.refused)} refused")
        for table, why in found.refused.items():
            print(f"    {table}: {why[:160]}")
    print("\n".join(failed))
    print(f"{manifests} manifests, {tables} tables, {len(failed)} wrong")
    return int(bool(failed) or manifests < MANIFESTS or tables < TABLES)


def packages(folder: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield name, manifest and schema files of every package that has a manifest."""
    for file in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(file) as wheel:
            names = wheel.namelist()
            manifest = next((n for n in names if n.endswith("/manifest.yaml")), None)
            if manifest is None:
                continue
            schemas = {
                n.rpartition("/")[2]: json.loads(wheel.read(n))
                for n in names
                if "/schemas/" in n and n.endswith(".json")
            }
            text = wheel.read(manifest).decode()
        name = re.sub(r"^airbyte_source_(.+?)-\d.*", r"\1", file.name)
        yield name, text, schemas


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
