"""The quick engine: statements of Databricks translated to DuckDB."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from standins.databricks.engine import Copying, Field, Parameters, SqlError, counts
from standins.databricks.quick_errors import parsed, told
from standins.databricks.quick_rules import (
    check_clustering,
    declared,
    enables,
    has_local_times,
    not_enabled,
)
from standins.databricks.quick_tables import CATALOG, INFORMATION, read_files
from standins.databricks.quick_variables import substituted
from standins.databricks.volumes import Volumes
from standins.databricks.words import bare, meaning, opening

_Answer = TypeVar("_Answer")
_Counts: TypeAlias = dict[str, int]
_EMPTY: Final = pa.table({})
_RETRY: Final = 40
_HISTORY: Final = {
    "num_inserted_rows": "numTargetRowsInserted",
    "num_updated_rows": "numTargetRowsUpdated",
    "num_deleted_rows": "numTargetRowsDeleted",
}


def start(
    root: Path,
    *,
    volumes: Volumes,
    catalogs: set[str],
    memory: str,
    few_rows: bool = False,
) -> "Quick":
    """Open the database in a folder."""
    connection = duckdb.connect(
        str(root / "quick.duckdb"), config={"memory_limit": memory.upper() + "B", "threads": 2}
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(CATALOG)
    return Quick(connection, volumes, catalogs)


class Quick:
    """Implements `engine.Engine`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, volumes: Volumes, catalogs: set[str]
    ) -> None:
        self.volumes = volumes
        self.catalogs = catalogs
        #: What the statements on each table have done: the word for it, and what it changed.
        self.history: dict[str, list[tuple[str, _Counts]]] = defaultdict(list)
        #: Tables that may have times without a zone.
        self.local_times: set[str] = set()
        #: DuckDB would let two writers of the catalog fail each other.
        self.writing = threading.RLock()
        self._connection = connection

    def session(self, schema: str = "") -> "QuickSession":
        """Open a session."""
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        opened = QuickSession(self, cursor)
        if schema:
            opened.run(f"USE `{schema}`")
        return opened

    def stop(self) -> None:
        """Close the database."""
        self._connection.close()


class QuickSession:
    """Implements `engine.Session`."""

    def __init__(self, engine: Quick, cursor: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine
        self._cursor = cursor
        #: A transaction of several statements is under way.
        self._inside = False

    def run(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Run a statement."""
        sql = substituted(sql)
        head = opening(sql)
        if head[:2] == ["DESCRIBE", "HISTORY"]:
            return self._history([bare(w.text) for w in meaning(sql)[2:]])
        if head[:2] == ["SHOW", "TBLPROPERTIES"]:
            return pa.table({"key": pa.array([], pa.string()), "value": pa.array([], pa.string())})
        if parameters:
            raise SqlError("[UNBOUND_SQL_PARAMETER] the quick engine knows none. SQLSTATE: 42P02")
        tree = parsed(sql)
        return self._safely(lambda: self._run(tree))

    def copy(self, copying: Copying) -> int:
        """Load the files that this table has not loaded before."""
        target = sqlglot.parse_one(copying.target, into=exp.Table, dialect="databricks")
        key = self._key(target)

        def load() -> int:
            seen = "SELECT path FROM _info.copied WHERE target = ?"
            done = {r[0] for r in self._do(seen, [key])}
            due = [p for p in copying.files if copying.force or p not in done]
            if not due:
                return 0
            columns = self._cursor.sql(f"FROM read_parquet({due!r}, union_by_name = true)").columns
            chosen = substituted(copying.chosen) or ", ".join(f"`{c}`" for c in columns)
            select = sqlglot.parse_one(f"SELECT {chosen}", into=exp.Select, dialect="databricks")
            names = ", ".join(f'"{n}"' for n in select.named_selects)
            self._cursor.begin()
            try:
                rows = self._do(
                    f"INSERT INTO {self._name(target)} ({names}) {select.sql(dialect='duckdb')} "
                    f"FROM read_parquet({due!r}, union_by_name = true)"
                )
                for path in due:
                    self._do("INSERT INTO _info.copied VALUES (?, ?)", [key, path])
                self._cursor.commit()
            except BaseException:
                self._cursor.rollback()
                raise
            return int(rows[0][0]) if rows else 0

        found = self._safely(load)
        self._engine.history[key].append(("COPY INTO", {"num_inserted_rows": found}))
        return found

    def atomic(self, statements: Sequence[str]) -> pa.Table:
        """Run all or nothing."""
        trees = [parsed(substituted(s)) for s in statements]

        def together() -> pa.Table:
            self._cursor.begin()
            self._inside = True
            before = {name: list(known) for name, known in self._engine.history.items()}
            try:
                for tree in trees:
                    found = self._run(tree.copy())
                self._cursor.commit()
            except BaseException:
                self._cursor.rollback()
                self._engine.history = defaultdict(list, before)
                raise
            finally:
                self._inside = False
            return found

        return self._safely(together)

    def schemas(self) -> list[str]:
        """Return the names of the schemas."""
        found = self.run("SELECT schema_name FROM information_schema.schemata")
        return list(found[0].to_pylist())

    def tables(self, schema: str) -> list[str]:
        """Return the names of a schema's tables."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = "
        return list(self.run(f"{query}'{schema.lower()}'")[0].to_pylist())

    def fields(self, schema: str, table: str) -> list[Field]:
        """Return a table's columns."""
        query = (
            "SELECT column_name AS name, full_data_type AS type, is_nullable = 'YES' AS nullable "
            "FROM information_schema.columns WHERE table_schema = "
            f"'{schema.lower()}' AND table_name = '{table.lower()}' ORDER BY ordinal_position"
        )
        return [Field(**row) for row in self.run(query).to_pylist()]

    def close(self) -> None:
        """End the session."""
        self._cursor.close()

    def _do(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        # A result that is not read to its end would keep the connection busy.
        return list(self._cursor.execute(sql, values).fetchall())

    def _safely(self, work: Callable[[], _Answer]) -> _Answer:
        with self._engine.writing:
            for attempt in range(_RETRY):
                try:
                    return work()
                except duckdb.TransactionException as error:
                    if attempt + 1 == _RETRY:
                        raise told(error) from error
                    time.sleep(0.01)
                except duckdb.Error as error:
                    raise told(error) from error
        raise AssertionError("not reached")

    def _run(self, tree: Any) -> pa.Table:
        for table in tree.find_all(exp.Table):
            table.set("catalog", None)
            if table.db.lower() == "information_schema":
                table.set("db", exp.to_identifier(INFORMATION, quoted=True))
            elif table.name and not table.args.get("this").is_type(exp.Anonymous):
                _folded(table)
        tree = tree.transform(self._replaced)
        match tree:
            case exp.Use():
                self._do(f'SET schema = "{tree.this.name.lower()}"')
            case exp.Create():
                self._create(tree)
            case exp.Alter():
                self._alter(tree)
            case exp.Drop() | exp.Comment():
                self._do(tree.sql(dialect="duckdb"))
            case exp.Merge():
                return self._merge(tree)
            case exp.Insert() | exp.Update() | exp.Delete():
                return self._change(tree)
            case _:
                return _plain(self._cursor.sql(tree.sql(dialect="duckdb")).to_arrow_table())
        return _EMPTY

    def _replaced(self, node: Any) -> Any:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "RAISE_ERROR":
            return exp.Anonymous(this="error", expressions=node.expressions)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
            found = read_files(node, self._engine.volumes, self._cursor)
            if found is not None:
                return found
        return node

    def _create(self, tree: exp.Create) -> None:
        if tree.kind == "SCHEMA":
            _fold(tree.this)
        else:
            self._check(tree)
            tree.set("properties", None)
        if isinstance(tree.this, exp.Schema):
            kept = []
            for part in tree.this.expressions:
                if isinstance(part, exp.ColumnDef):
                    part.set(
                        "constraints",
                        [c for c in part.args.get("constraints") or ()
                         if isinstance(c.kind, exp.NotNullColumnConstraint)],
                    )  # fmt: skip
                    kept.append(part)
            tree.this.set("expressions", kept)
        self._do(tree.sql(dialect="duckdb"))

    def _check(self, tree: exp.Create) -> None:
        """Refuse columns as Delta Lake would."""
        if tree.kind != "TABLE":
            return
        columns = declared(list(tree.this.find_all(exp.ColumnDef)))
        if tree.expression:
            asked = self._cursor.sql(tree.expression.sql(dialect="duckdb"))
            columns = [(n, str(t)) for n, t in zip(asked.columns, asked.types, strict=True)]
        check_clustering(tree, columns)
        table: Any = tree.find(exp.Table)
        if has_local_times(columns):
            known = self.fields(table.db, table.name)
            if tree.args.get("replace") and known and not enables(tree):
                self._check_local_times(table)
            self._engine.local_times.add(self._key(table))

    def _check_local_times(self, table: Any) -> None:
        had = [f for f in self.fields(table.db, table.name) if f.type == "timestamp_ntz"]
        if not had and self._key(table) not in self._engine.local_times:
            raise not_enabled()

    def _alter(self, tree: exp.Alter) -> None:
        if any(isinstance(a, exp.AlterSet) for a in tree.args["actions"]):
            self._do(f"DESCRIBE {self._name(tree.this)}")
            if enables(tree):
                self._engine.local_times.add(self._key(tree.this))
            return
        if has_local_times(declared(tree.args["actions"])):
            self._check_local_times(tree.this)
        for action in tree.args["actions"]:
            if isinstance(action, exp.ColumnDef):
                action.set("constraints", None)
            one = exp.Alter(this=tree.this.copy(), kind="TABLE", actions=[action.copy()])
            self._do(one.sql(dialect="duckdb"))

    def _merge(self, tree: exp.Merge) -> pa.Table:
        done = self._do(f"{tree.sql(dialect='duckdb')} RETURNING merge_action")
        actions = [row[0] for row in done]
        found = {
            f"num_{word}_rows": actions.count(action)
            for word, action in (
                ("updated", "UPDATE"), ("deleted", "DELETE"), ("inserted", "INSERT")
            )
        }  # fmt: skip
        self._engine.history[self._key(tree.this)].append(("MERGE", found))
        return counts(num_affected_rows=len(actions), **found)

    def _change(self, tree: Any) -> pa.Table:
        target = tree.find(exp.Table)
        if isinstance(tree, exp.Insert) and tree.args.get("overwrite"):
            tree.set("overwrite", False)
            insert = tree.sql(dialect="duckdb")
            return self._overwritten(target, insert)
        done = self._do(tree.sql(dialect="duckdb"))
        rows = int(done[0][0]) if done else 0
        word = {"Insert": "inserted", "Update": "updated", "Delete": "deleted"}[type(tree).__name__]
        said = {"inserted": "WRITE", "updated": "UPDATE", "deleted": "DELETE"}[word]
        self._engine.history[self._key(target)].append((said, {f"num_{word}_rows": rows}))
        if word != "inserted":
            return counts(num_affected_rows=rows)
        return counts(num_affected_rows=rows, num_inserted_rows=rows)

    def _overwritten(self, target: exp.Table, insert: str) -> pa.Table:
        if not self._inside:
            self._cursor.begin()
        try:
            self._do(f"DELETE FROM {self._name(target)}")
            done = self._do(insert)
        except BaseException:
            if not self._inside:
                self._cursor.rollback()
            raise
        if not self._inside:
            self._cursor.commit()
        rows = int(done[0][0]) if done else 0
        self._engine.history[self._key(target)].append(("WRITE", {"num_inserted_rows": rows}))
        return counts(num_affected_rows=rows, num_inserted_rows=rows)

    def _history(self, said: Sequence[str]) -> pa.Table:
        table, _, limit = "".join(said).lower().partition("limit")
        done = [("CREATE TABLE", {}), *self._engine.history[".".join(table.split(".")[-2:])]]
        kept = list(enumerate(done))[::-1][: int(limit or len(done))]
        metrics = [
            [(_HISTORY[k], str(v)) for k, v in found.items() if k in _HISTORY]
            for _, (_, found) in kept
        ]
        return pa.table(
            {
                "version": [version for version, _ in kept],
                "operation": [word for _, (word, _) in kept],
                "operationMetrics": pa.array(metrics, pa.map_(pa.string(), pa.string())),
            }
        )

    def _name(self, table: Any) -> str:
        copy = table.copy()
        copy.set("catalog", None)
        copy.set("alias", None)
        _folded(copy)
        return str(copy.sql(dialect="duckdb"))

    @staticmethod
    def _key(table: Any) -> str:
        return ".".join(part.lower() for part in (table.db, table.name) if part)


def _fold(table: Any) -> None:
    name = table.args.get("db") or table.args.get("this")
    if name is not None:
        name.set("this", name.name.lower())
        name.set("quoted", True)


def _folded(table: Any) -> None:
    """Write names as Databricks stores them."""
    for part in ("this", "db"):
        name = table.args.get(part)
        if isinstance(name, exp.Identifier):
            name.set("this", name.name.lower())
            name.set("quoted", True)


def _plain(rows: pa.Table) -> pa.Table:
    """Return rows in types that Databricks has."""
    fields = []
    for field in rows.schema:
        type_ = field.type
        if pa.types.is_unsigned_integer(type_) or (
            pa.types.is_decimal(type_) and type_.precision == 38 and type_.scale == 0
            and field.name in {"n", "version"}
        ):  # fmt: skip
            type_ = pa.int64()
        elif pa.types.is_large_string(type_):
            type_ = pa.string()
        fields.append(pa.field(field.name, type_))
    return rows.cast(pa.schema(fields))
