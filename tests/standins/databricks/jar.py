"""Delta Lake's classes, cut out of a wheel: no package of PyPI or Debian has its jar alone."""

import importlib.util
import os
import zipfile
from pathlib import Path
from typing import Final

_WANTED: Final = ("io/delta/", "com/databricks/", "error/")
_SPARK: Final = "org/apache/spark/"
#: Of Spark itself, or of what Delta does not need.
_UNWANTED: Final = (
    "/avro/", "sql/catalyst/analysis/Iceberg", "/annotation/", "/unused/", "/parser/extensions/",
)  # fmt: skip
_SERVICE: Final = "META-INF/services/org.apache.spark.sql.sources.DataSourceRegister"


def delta_jar(folder: Path) -> Path:
    """Return the jar, made from that of the wheel ``jsoniq`` if it is not there yet.

    Its assembly lost the line that tells Spark of Delta, which is added again.
    """
    found = importlib.util.find_spec("jsoniq")
    if found is None or found.origin is None:
        raise RuntimeError("no package jsoniq here: run 'make test-databricks'")
    source = max(Path(found.origin).parent.glob("jars/rumbledb-*.jar"))
    jar = folder / f"delta-from-{source.name}"
    if jar.exists():
        return jar
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{jar.name}.{os.getpid()}"
    with (
        zipfile.ZipFile(source) as whole,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as cut,
    ):
        for name in dict.fromkeys(whole.namelist()):
            if not name.endswith("/") and _is_delta(name):
                cut.writestr(name, whole.read(name))
        cut.writestr(_SERVICE, "org.apache.spark.sql.delta.sources.DeltaDataSource\n")
    partial.replace(jar)
    return jar


def _is_delta(name: str) -> bool:
    if name.startswith(_SPARK):
        return not any(part in name for part in _UNWANTED)
    return name.startswith(_WANTED)
