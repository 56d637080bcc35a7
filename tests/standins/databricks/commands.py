"""Statements that only Databricks has, above any engine."""

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from standins.databricks.engine import Copying, Parameters, Session, SqlError, counts
from standins.databricks.rights import PRINCIPAL, Rights
from standins.databricks.volumes import Volumes
from standins.databricks.words import bare, meaning, opening, statements

#: What a warehouse lets a session set.
_SETTINGS: Final = frozenset(
    {
        "ansi_mode", "timezone", "statement_timeout", "use_cached_result",
        "legacy_time_parser_policy", "max_file_partition_bytes", "read_only_external_metastore",
        "query_tags",
    }
)  # fmt: skip
_COPY: Final = re.compile(
    r"""^COPY\s+INTO\s+(?P<target>\S+)\s+
    FROM\s+(?:(?P<whole>'[^']*'|`[^`]*`)
             |\(\s*SELECT\s+(?P<chosen>.*?)\s+FROM\s+(?P<path>'[^']*'|`[^`]*`)\s*\))\s*
    FILEFORMAT\s*=\s*(?P<format>\w+)\s*
    (?:FILES\s*=\s*\((?P<files>[^)]*)\)|PATTERN\s*=\s*(?P<pattern>'[^']*'))?\s*
    (?:FORMAT_OPTIONS\s*\([^)]*\))?\s*(?:COPY_OPTIONS\s*\((?P<options>[^)]*)\))?\s*$""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_PUT_TWICE: Final = (
    "[FILE_IN_STAGING_PATH_ALREADY_EXISTS] File in staging path {} already exists but OVERWRITE "
    "is not set. SQLSTATE: 42K09"
)
#: How files are allowed inside a transaction.
_OUTSIDE: Final = re.compile(r"(?i)\s*WITH\s*\(\s*allow_nontransactional_reads\s*=\s*true\s*\)")
_NOT_INSIDE: Final = "[TRANSACTION_NOT_SUPPORTED."


class Warehouse:
    """What all sessions share: catalogs, volumes, and the address that clients know us by."""

    def __init__(self, volumes: Volumes, base: str, catalogs: set[str]) -> None:
        self.volumes = volumes
        self.base = base
        self.catalogs = catalogs
        self.rights = Rights()
        #: Whether tables may be catalog-managed, and BEGIN ATOMIC be used on them.
        self.transactions = True
        #: Tables that are catalog-managed.
        self.managed: set[str] = set()


class Commands:
    """One connection: the engine's session, and what Databricks adds to it."""

    def __init__(self, warehouse: Warehouse, session: Session) -> None:
        self.session = session
        self._warehouse = warehouse

    def run(
        self, sql: str, parameters: Parameters = None
    ) -> tuple[pa.Table, Mapping[str, str] | None]:
        """Run a statement; of PUT, GET and REMOVE, the second is what the client has to do."""
        text = sql.strip().rstrip(";").strip()
        head = opening(text)
        self._warehouse.rights.statement(text, head)
        if head[:2] == ["SELECT", "CURRENT_USER"]:
            return pa.table({"who": [PRINCIPAL]}), None
        if head[:1] in (["PUT"], ["GET"], ["REMOVE"]):
            row = self._staging(head[0], text)
            return pa.table({k: pa.array([v], pa.string()) for k, v in row.items()}), row
        if head[:2] == ["BEGIN", "ATOMIC"]:
            if not self._warehouse.transactions:
                raise SqlError(
                    "[TRANSACTION_NOT_SUPPORTED] Transactions are not supported. SQLSTATE: 0A000"
                )
            body = re.sub(r"(?is)^BEGIN\s+ATOMIC\b|\bEND\s*;?\s*$", "", text)
            return self.session.atomic([self._inside(s) for s in statements(body)]), None
        for start, command in self._commands().items():
            if head[: len(start)] == list(start):
                return command(text), None
        if "CATALOGMANAGED" in text.upper() and not self._warehouse.transactions:
            raise SqlError(
                "[DELTA_UNSUPPORTED_FEATURES_IN_CONFIG] Unsupported table features: "
                "catalogManaged. SQLSTATE: 0AKDE"
            )
        rows = self.session.run(text, parameters)
        if head[:2] == ["CREATE", "TABLE"] and "CATALOGMANAGED" in text.upper():
            self._warehouse.managed.add(_first_name(text))
        if head[:2] == ["SHOW", "TBLPROPERTIES"] and _first_name(text) in self._warehouse.managed:
            told = {row["key"]: row["value"] for row in rows.to_pylist()}
            told["delta.feature.catalogManaged"] = "supported"
            rows = pa.table({"key": list(told), "value": list(told.values())})
        return rows, None

    def _inside(self, text: str) -> str:
        """Return a statement of a transaction, if it may be in one."""
        if opening(text, 1) not in (["MERGE"], ["INSERT"], ["UPDATE"], ["DELETE"], ["SELECT"]):
            raise SqlError(f"{_NOT_INSIDE}COMMAND] {opening(text, 1)[0]}. SQLSTATE: 0A000")
        if opening(text, 1) != ["SELECT"] and _first_name(text) not in self._warehouse.managed:
            raise SqlError(
                f"{_NOT_INSIDE}NON_CATALOG_MANAGED] Table {_first_name(text)}. SQLSTATE: 0A000"
            )
        plain = _OUTSIDE.sub("", text)
        if text.upper().count("READ_FILES(") != len(_OUTSIDE.findall(text)):
            raise SqlError(f"{_NOT_INSIDE}NONTRANSACTIONAL_READ] read_files. SQLSTATE: 0A000")
        return plain

    def _commands(self) -> Mapping[tuple[str, ...], Callable[[str], pa.Table]]:
        return {
            ("COPY", "INTO"): self._copy,
            ("USE", "CATALOG"): self._use_catalog,
            ("SET", "CATALOG"): self._use_catalog,
            ("SET",): self._set,
            ("CREATE", "CATALOG"): self._create_catalog,
            ("CREATE", "VOLUME"): self._create_volume,
            ("SHOW", "CATALOGS"): self._catalogs,
            ("DESCRIBE", "CATALOG"): self._use_catalog,
            ("DESCRIBE", "VOLUME"): self._describe_volume,
        }

    def _use_catalog(self, text: str) -> pa.Table:
        name = bare(meaning(text)[-1].text)
        if name.lower() not in self._warehouse.catalogs:
            raise SqlError(
                f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{name}' was not found. SQLSTATE: 42704"
            )
        return pa.table({})

    def _set(self, text: str) -> pa.Table:
        name, _, value = text[3:].partition("=")
        name, value = name.strip(), value.strip()
        if name.lower() not in _SETTINGS:
            raise SqlError(
                f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I"
            )
        return pa.table({"key": [name], "value": [value]})

    def _create_catalog(self, text: str) -> pa.Table:
        self._warehouse.catalogs.add(bare(meaning(text)[-1].text).lower())
        return pa.table({})

    def _catalogs(self, _: str) -> pa.Table:
        return pa.table({"catalog": sorted(self._warehouse.catalogs)})

    def _create_volume(self, text: str) -> pa.Table:
        catalog, schema, name = self._volume_name(text)
        known = {s.lower() for s in self.session.schemas()}
        if schema.lower() not in known:
            raise SqlError(
                f"[SCHEMA_NOT_FOUND] The schema `{schema}` cannot be found. SQLSTATE: 42704"
            )
        self._warehouse.volumes.create(catalog, schema, name)
        return pa.table({})

    def _describe_volume(self, text: str) -> pa.Table:
        catalog, schema, name = self._volume_name(text)
        self._warehouse.volumes.check(f"/Volumes/{catalog}/{schema}/{name}")
        return pa.table({"name": [name], "catalog": [catalog], "database": [schema]})

    def _volume_name(self, text: str) -> tuple[str, str, str]:
        parts = [bare(w.text) for w in meaning(text) if w.kind in {"name", "quoted"}][-3:]
        if len(parts) != 3:
            raise SqlError("[PARSE_SYNTAX_ERROR] name a volume in full here. SQLSTATE: 42601")
        return parts[0], parts[1], parts[2]

    def _staging(self, operation: str, text: str) -> Mapping[str, str]:
        volumes = self._warehouse.volumes
        texts = [bare(w.text) for w in meaning(text) if w.kind == "text"]
        local = ""
        if operation == "PUT":
            local, remote = texts
            if volumes.path(remote).exists() and meaning(text)[-1].text.upper() != "OVERWRITE":
                raise SqlError(_PUT_TWICE.format(remote))
        elif operation == "GET":
            remote, local = texts
        else:
            (remote,) = texts
        volumes.check(remote)
        key = volumes.presign(operation, remote)
        return {
            "operation": operation,
            "presignedUrl": f"{volumes.storage or self._warehouse.base}/presigned{remote}/{key}"
            f"?se=2030&sig=secret-{key}",
            "headers": json.dumps({"x-test-presigned": "1"}),
            "localFile": local,
        }

    def _copy(self, text: str) -> pa.Table:
        found = _COPY.match(text)
        if found is None:
            raise SqlError(
                "[PARSE_SYNTAX_ERROR] the stand-in does not know this form of COPY INTO. "
                "SQLSTATE: 42601"
            )
        root = bare(found["whole"] or found["path"])
        rows = self.session.copy(
            Copying(
                target=found["target"],
                files={str(path): str(path) for path in self._files(root, found)},
                format=found["format"].lower(),
                chosen=found["chosen"] or "",
                force="'force'" in (found["options"] or "").lower(),
            )
        )
        return counts(num_affected_rows=rows, num_inserted_rows=rows, num_skipped_corrupt_files=0)

    def _files(self, root: str, found: re.Match[str]) -> list[Path]:
        folder = Path(self._warehouse.volumes.local(root))
        if found["files"]:
            chosen = [folder / bare(f.strip()) for f in found["files"].split(",")]
        elif folder.is_dir():
            patterns = _alternatives(bare(found["pattern"]) if found["pattern"] else "*")
            chosen = sorted(
                path
                for path in folder.rglob("*")
                if path.is_file()
                and not path.name.startswith(("_", "."))
                and any(fnmatch.fnmatch(str(path.relative_to(folder)), p) for p in patterns)
            )
        else:
            chosen = [folder]
        for path in chosen:
            if not path.exists():
                raise SqlError(f"[PATH_NOT_FOUND] Path does not exist: {path}. SQLSTATE: 42K03")
        return chosen


def _first_name(text: str) -> str:
    """Return the table that a statement names first, without its catalog."""
    parts: list[str] = []
    several = meaning(text)
    for number, word in enumerate(several):
        if word.kind != "quoted":
            continue
        parts.append(bare(word.text).lower())
        if [w.text for w in several[number + 1 : number + 2]] != ["."]:
            break
    return ".".join(parts[-2:])


def _alternatives(pattern: str) -> list[str]:
    """Return the patterns that one with ``{a,b}`` stands for."""
    start, _, rest = pattern.partition("{")
    inner, closed, end = rest.partition("}")
    if not closed:
        return [pattern]
    return [p for word in inner.split(",") for p in _alternatives(f"{start}{word}{end}")]
