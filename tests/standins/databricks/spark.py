"""The real engine: Spark SQL and Delta Lake in one process."""

import json
import re
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import SparkSession

from standins.databricks.engine import Copying, Field, Parameters, SqlError, counts
from standins.databricks.information import SCHEMA, views
from standins.databricks.jar import delta_jar
from standins.databricks.spark_errors import told
from standins.databricks.volumes import ROOT, Volumes
from standins.databricks.words import arguments, bare, closing, joined, meaning, opening, words

_SETTINGS: Final[Mapping[str, str]] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.sources.default": "delta",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Files that do not say who wrote them: the harshest of the defaults that runtimes have had.
    "spark.sql.parquet.datetimeRebaseModeInRead": "LEGACY",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    # Every statement would be seconds slower.
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss4m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
#: Statements on a few rows take two thirds of the time if no code is generated for them.
_FEW_ROWS: Final[Mapping[str, str]] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
}
_MANAGED: Final = re.compile(r"(?i),?\s*'delta\.feature\.catalogManaged'\s*=\s*'supported'")
_KEY: Final = re.compile(
    r"(?is),\s*(CONSTRAINT\s+\S+\s+)?PRIMARY\s+KEY\s*\([^)]*\)(\s+RELY|\s+NOT\s+ENFORCED)?"
)
#: Where Spark has CHAR(n) and VARCHAR(n), which it shows as texts.
_LENGTH: Final = "__CHAR_VARCHAR_TYPE_STRING"
_TARGET: Final = re.compile(
    r"(?is)^INSERT\s+(?:INTO|OVERWRITE)\s+(?:TABLE\s+)?((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*)"
)
_WRITES: Final = re.compile(
    r"(?is)^\s*(?:MERGE\s+INTO|INSERT\s+(?:INTO|OVERWRITE)(?:\s+TABLE)?|UPDATE|DELETE\s+FROM)\s+"
    r"((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*)"
)


def start(
    root: Path, *, volumes: Volumes, catalogs: set[str], memory: str, few_rows: bool = False
) -> "Spark":
    """Start Spark; tables that an earlier process left in the folder are there again."""
    jars = Path(sys.prefix) / "share" / "syncline"
    builder = SparkSession.builder.master("local[2]").appName("syncline")
    settings = {
        **_SETTINGS,
        **(_FEW_ROWS if few_rows else {}),
        "spark.jars": str(delta_jar(jars)),
        "spark.driver.memory": memory,
        "spark.sql.warehouse.dir": str(root / "warehouse"),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    for log in sorted((root / "warehouse").glob("*.db/*/_delta_log")):
        schema, table = log.parent.parent.name.removesuffix(".db"), log.parent.name
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}`")
        spark.sql(f"CREATE TABLE `{schema}`.`{table}` USING delta LOCATION '{log.parent}'")
    return Spark(spark, volumes, catalogs)


class Spark:
    """Implements `engine.Engine`."""

    def __init__(self, spark: Any, volumes: Volumes, catalogs: set[str]) -> None:
        self.volumes = volumes
        self.catalogs = catalogs
        #: COPY INTO looks at what is loaded and loads: one at a time for a table.
        self.copying = threading.Lock()
        #: The catalog makes one table at a time; Spark's own lets two begin the same one.
        self.making = threading.Lock()
        self._spark = spark

    def session(self, schema: str = "") -> "SparkOne":
        """Open a session."""
        opened = SparkOne(self, self._spark.newSession())
        if schema:
            opened.run(f"USE `{schema}`")
        return opened

    def stop(self) -> None:
        """Stop Spark."""
        self._spark.stop()


class SparkOne:
    """Implements `engine.Session`."""

    def __init__(self, engine: Spark, spark: Any) -> None:
        self._engine = engine
        self._spark = spark

    def run(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Run a statement."""
        temporary: list[str] = []
        try:
            return self._run(sql, parameters, temporary)
        except SqlError:
            raise
        except Exception as error:
            raise told(error) from error
        finally:
            for view in temporary:
                self._spark.catalog.dropTempView(view)

    def copy(self, copying: Copying) -> int:
        """Load files; which they are is kept in the same commit of the table."""
        target = self._named(copying.target)
        try:
            with self._engine.copying:
                return self._copied(copying, target)
        except Exception as error:
            raise told(error) from error

    def atomic(self, statements: Sequence[str]) -> pa.Table:
        """Run all; restore the tables if one fails."""
        targets = {self._named(m[1]) for s in statements if (m := _WRITES.match(s))}
        before = {name: self._version(name) for name in targets}
        found = pa.table({})
        try:
            for statement in statements:
                found = self.run(statement)
        except SqlError:
            for name, version in before.items():
                if self._version(name) != version:
                    self._spark.sql(f"RESTORE TABLE {name} TO VERSION AS OF {version}")
            raise
        return found

    def schemas(self) -> list[str]:
        """Return the names of the schemas."""
        # Names that are not plain come quoted.
        return [row[0].strip("`") for row in self._spark.sql("SHOW SCHEMAS").collect()]

    def tables(self, schema: str) -> list[str]:
        """Return the names of a schema's tables."""
        rows = self._spark.sql(f"SHOW TABLES IN `{schema}`").collect()
        return [row["tableName"] for row in rows if not row["isTemporary"]]

    def fields(self, schema: str, table: str) -> list[Field]:
        """Return a table's columns."""
        return [
            Field(
                name=f.name,
                type=f.metadata.get(_LENGTH) or f.dataType.simpleString(),
                nullable=f.nullable,
                comment=f.metadata.get("comment"),
            )
            for f in self._spark.table(f"`{schema}`.`{table}`").schema.fields
        ]

    def close(self) -> None:
        """End the session; nothing of it stays."""

    def _run(self, sql: str, parameters: Parameters, temporary: list[str]) -> pa.Table:
        text = sql
        head = opening(text, 1)
        if head == ["CREATE"]:
            text = re.sub(r"(?i)\bCLUSTER\s+BY\s+AUTO\b", "", _KEY.sub("", text))
            text = _MANAGED.sub("", text)
        if head == ["TRUNCATE"]:
            # Databricks can; Delta Lake by itself has only the other word for it.
            text = re.sub(r"(?i)^\s*TRUNCATE\s+TABLE", "DELETE FROM", text)
        if SCHEMA in text.lower():
            text = self._information(text, temporary)
        text = self._named(self._read_files(text, temporary))
        with self._engine.making if head == ["CREATE"] else nullcontext():
            frame = self._spark.sql(text, parameters) if parameters else self._spark.sql(text)
        rows: pa.Table = frame.toArrow()
        target = _TARGET.match(text)
        if target and not rows.num_columns:
            done = self._rows(target[1])
            return counts(num_affected_rows=done, num_inserted_rows=done)
        return rows

    def _named(self, sql: str) -> str:
        """Leave catalogs out; paths of volumes become those of this machine."""
        found = []
        several = words(sql)
        for number, (kind, text) in enumerate(several):
            after = several[number + 1].text if number + 1 < len(several) else ""
            before = several[number - 1].text if number else ""
            is_catalog = kind in {"name", "quoted"} and bare(text).lower() in self._engine.catalogs
            if is_catalog and after == "." and before != ".":
                found.append("spark_catalog")
            elif kind == "quoted" and bare(text).startswith(ROOT):
                found.append(f"`{self._engine.volumes.local(bare(text))}`")
            else:
                found.append(text)
        return "".join(found)

    def _information(self, sql: str, temporary: list[str]) -> str:
        """Put views of this moment in the place of those of information_schema."""
        literals = {bare(w.text).lower() for w in meaning(sql) if w.kind == "text"}
        for name, rows in views(_Narrowed(self, literals)).items():
            pattern = rf"(?i)`?{SCHEMA}`?\s*\.\s*`?{name}`?\b`?"
            if re.search(pattern, sql):
                view = f"_information_{uuid.uuid4().hex}"
                self._spark.createDataFrame(rows()).createTempView(view)
                temporary.append(view)
                sql = re.sub(pattern, view, sql)
        return sql

    def _read_files(self, sql: str, temporary: list[str]) -> str:
        while True:
            several = words(sql)
            at = next(
                (i for i, w in enumerate(several)
                 if w.kind == "name" and w.text.lower() == "read_files"), None,
            )  # fmt: skip
            if at is None:
                return sql
            end = closing(several, at + 1)
            path, *rest = arguments(several[at + 2 : end])
            options = {bare(a[0].text).lower(): bare(a[-1].text) for a in rest}
            reader = self._spark.read.format(options.get("format", "parquet"))
            if "schema" in options:
                reader = reader.schema(options["schema"])
            view = f"_files_{uuid.uuid4().hex}"
            local = self._engine.volumes.local(bare(path[0].text))
            reader.load(local).createTempView(view)
            temporary.append(view)
            sql = joined(several[:at]) + view + joined(several[end + 1 :])

    def _copied(self, copying: Copying, target: str) -> int:
        done: set[str] = set()
        history = f"DESCRIBE HISTORY {target}"
        for row in self._spark.sql(history).select("userMetadata").collect():
            if row[0] and row[0].startswith('{"copy":'):
                done.update(json.loads(row[0])["copy"])
        due = [p for p in copying.files if copying.force or p not in done]
        if not due:
            return 0
        frame = self._spark.read.format(copying.format).load(due)
        if copying.chosen:
            view = f"_copy_{uuid.uuid4().hex}"
            frame.createTempView(view)
            frame = self._spark.sql(f"SELECT {copying.chosen} FROM {view}")
        note = json.dumps({"copy": due})
        frame.write.format("delta").mode("append").option("userMetadata", note).saveAsTable(target)
        return self._rows(target)

    def _version(self, table: str) -> int:
        return int(self._spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()["version"])

    def _rows(self, table: str) -> int:
        row = self._spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
        return int((row["operationMetrics"] or {}).get("numOutputRows", 0))


class _Narrowed:
    """Only the schemas and tables that a query names: looking at all takes long."""

    def __init__(self, session: SparkOne, literals: set[str]) -> None:
        self._session = session
        self._literals = literals

    def schemas(self) -> list[str]:
        named = [s for s in self._session.schemas() if s.lower() in self._literals]
        return named if self._literals else self._session.schemas()

    def tables(self, schema: str) -> list[str]:
        found = self._session.tables(schema)
        named = [t for t in found if t.lower() in self._literals]
        return named if len(self._literals) > 1 else found

    def fields(self, schema: str, table: str) -> list[Field]:
        return self._session.fields(schema, table)
