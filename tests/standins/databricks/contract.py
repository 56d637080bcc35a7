"""What every engine of the stand-in has to do, asked through Databricks' own driver."""

import io
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks.sql import exc

from databricks import sql
from standins.databricks.fixture import DatabricksServer

_FILES: Final = "/api/2.0/fs/files"
_FOLDERS: Final = "/api/2.0/fs/directories"


@contextmanager
def connected(server: DatabricksServer, **options: Any) -> Iterator[Any]:
    """Yield a cursor of the driver."""
    given: dict[str, Any] = {
        "access_token": server.token,
        "catalog": server.catalog,
        "_retry_delay_min": 0.1,
        "_retry_delay_max": 5,
        "_retry_stop_after_attempts_duration": 60,
    }
    with (
        sql.connect(
            server_hostname=server.host,
            http_path=server.http_path,
            _port=server.port,
            _tls_trusted_ca_file=server.certificate,
            enable_telemetry=False,
            **(given | options),
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def asked(cursor: Any, text: str) -> list[dict[str, Any]]:
    """Run a statement; return its rows."""
    cursor.execute(text)
    rows: list[dict[str, Any]] = cursor.fetchall_arrow().to_pylist()
    return rows


def called(
    server: DatabricksServer,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    token: str | None = None,
) -> tuple[int, bytes]:
    """Make a REST call; return the status and the answer."""
    request = urllib.request.Request(
        f"https://{server.host}:{server.port}{path}",
        method=method,
        data=body,
        headers={"Authorization": f"Bearer {server.token if token is None else token}"},
    )
    trusting = ssl.create_default_context(cafile=server.certificate)
    try:
        with urllib.request.urlopen(request, context=trusting, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def parquet(**columns: Any) -> bytes:
    """Return a file."""
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, store_schema=False)
    return written.getvalue()


class StandInContract:
    """Needs the fixture ``server``."""

    @pytest.fixture
    def schema(self, server: DatabricksServer) -> str:
        """Return a schema with a volume and a table."""
        name = f"s{uuid4().hex[:12]}"
        with connected(server) as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            cursor.execute(f"CREATE VOLUME IF NOT EXISTS main.{name}.files")
            cursor.execute(
                f"CREATE TABLE `{name}`.`t` (id BIGINT NOT NULL, v STRING, PRIMARY KEY (id)) "
                "TBLPROPERTIES ('delta.columnMapping.mode'='name', "
                "'delta.feature.catalogManaged'='supported')"
            )
        return name

    def _uploaded(self, server: DatabricksServer, schema: str, name: str, **columns: Any) -> str:
        path = f"/Volumes/main/{schema}/files/{name}"
        status, _ = called(server, "PUT", f"{_FILES}{path}?overwrite=true", parquet(**columns))
        assert status == 204
        return path

    def test_files_are_loaded_once(self, server: DatabricksServer, schema: str) -> None:
        """COPY INTO remembers what it has loaded, by path."""
        self._uploaded(server, schema, "1/a.parquet", id=[1, 2], v=["a", "b"])
        copy = (
            f"COPY INTO {schema}.t FROM (SELECT id, v FROM '/Volumes/main/{schema}/files/1') "
            "FILEFORMAT = PARQUET"
        )
        with connected(server) as cursor:
            assert asked(cursor, copy)[0]["num_inserted_rows"] == 2
            assert asked(cursor, copy)[0]["num_inserted_rows"] == 0
            self._uploaded(server, schema, "1/b.parquet", id=[3], v=["c"])
            assert asked(cursor, copy)[0]["num_inserted_rows"] == 1
            assert asked(cursor, f"SELECT COUNT(*) AS n FROM {schema}.t") == [{"n": 3}]

    def test_a_merge_from_files_counts(self, server: DatabricksServer, schema: str) -> None:
        """Columns that a file lacks are null; the answer says how many rows changed and how."""
        path = self._uploaded(server, schema, "2/a.parquet", id=[1, 2], v=["a", "b"])
        merge = (
            f"MERGE INTO {schema}.t AS t USING (SELECT id, v, gone FROM READ_FILES('{path}', "
            "format => 'parquet', schema => '`id` BIGINT, `v` STRING, `gone` BOOLEAN')) AS s "
            "ON t.id = s.id WHEN MATCHED AND t.v IS DISTINCT FROM s.v THEN UPDATE SET v = s.v "
            "WHEN NOT MATCHED AND s.gone IS NULL THEN INSERT (id, v) VALUES (s.id, s.v)"
        )
        with connected(server) as cursor:
            counts = [
                (r["num_inserted_rows"], r["num_updated_rows"], r["num_deleted_rows"])
                for r in (*asked(cursor, merge), *asked(cursor, merge))
            ]
        assert counts == [(2, 0, 0), (0, 0, 0)]

    def test_all_or_nothing(self, server: DatabricksServer, schema: str) -> None:
        """BEGIN ATOMIC leaves nothing of a block whose last statement fails."""
        with connected(server) as cursor:
            block = f"BEGIN ATOMIC INSERT INTO `{schema}`.`t` VALUES (1, 'x'); {{}}; END"
            with pytest.raises(exc.ServerOperationError, match="missing"):
                cursor.execute(
                    block.format(f"INSERT INTO `{schema}`.`t` SELECT 3, RAISE_ERROR('missing')")
                )
            assert asked(cursor, f"SELECT id FROM {schema}.t") == []
            cursor.execute(block.format(f"INSERT INTO `{schema}`.`t` VALUES (2, 'y')"))
            assert asked(cursor, f"SELECT id FROM {schema}.t ORDER BY id") == [{"id": 1}, {"id": 2}]

    def test_what_it_tells_of_tables(self, server: DatabricksServer, schema: str) -> None:
        """By information_schema, in the types of Databricks."""
        with connected(server) as cursor:
            cursor.execute(
                f"CREATE TABLE {schema}.kinds (a DECIMAL(20, 4), b TIMESTAMP, c TIMESTAMP_NTZ, "
                "d DOUBLE, e BINARY, f DATE, g INT, h BOOLEAN)"
            )
            rows = asked(
                cursor,
                "SELECT column_name, full_data_type, is_nullable FROM information_schema.columns "
                f"WHERE table_schema = '{schema}' AND table_name IN ('t', 'kinds') "
                "ORDER BY table_name, ordinal_position",
            )
            found = {r["column_name"]: r["full_data_type"] for r in rows}
        assert found == {
            "a": "decimal(20,4)", "b": "timestamp", "c": "timestamp_ntz", "d": "double",
            "e": "binary", "f": "date", "g": "int", "h": "boolean", "id": "bigint", "v": "string",
        }  # fmt: skip
        assert [r["column_name"] for r in rows if r["is_nullable"] == "NO"] == ["id"]

    def test_errors_are_those_of_databricks(self, server: DatabricksServer, schema: str) -> None:
        """With the conditions that Syncline looks at."""
        for text, condition in (
            (f"SELECT * FROM {schema}.missing", "TABLE_OR_VIEW_NOT_FOUND"),
            (f"SELECT RAISE_ERROR('mine') FROM (SELECT 1) WHERE '{schema}' <> ''", "USER_RAISED"),
            (f"ALTER TABLE {schema}.t ADD COLUMN v STRING", "ALREADY_EXISTS"),
            ("SET spark.sql.shuffle.partitions = 3", "CONFIG_NOT_AVAILABLE"),
            # Who cannot read a statement repeats it.
            (f"MERGE WHEN 'x{schema}'", rf"(?s)^\[PARSE_.*== SQL.*'x{schema}'"),
        ):
            with (
                connected(server) as cursor,
                pytest.raises(exc.ServerOperationError, match=condition),
            ):
                asked(cursor, text)

    def test_tokens(self, server: DatabricksServer) -> None:
        """A wrong one is refused by both services."""
        with pytest.raises(exc.RequestError), connected(server, access_token="wrong"):
            raise AssertionError("not reached")
        for token, code in (("wrong", 401), ("dapi-wrong", 403)):
            status, body = called(server, "GET", "/api/2.0/sql/warehouses/local", token=token)
            assert (status, json.loads(body)["error_code"]) == (code, str(code))

    def test_a_volume(self, server: DatabricksServer, schema: str) -> None:
        """Files are put, listed, read and removed, by REST and by the driver."""
        folder = f"/Volumes/main/{schema}/files/3"
        with connected(server) as cursor:
            put = f"PUT '__input_stream__' INTO '{folder}/x' OVERWRITE"
            cursor.execute(put, input_stream=io.BytesIO(b"content"))
        assert called(server, "GET", f"{_FILES}{folder}/x") == (200, b"content")
        told = json.loads(called(server, "GET", f"{_FOLDERS}{folder}")[1])["contents"]
        assert [(e["name"], e["is_directory"], e["file_size"]) for e in told] == [("x", False, 7)]
        assert called(server, "DELETE", f"{_FOLDERS}{folder}")[0] == 400
        assert called(server, "DELETE", f"{_FILES}{folder}/x")[0] == 204
        assert called(server, "DELETE", f"{_FOLDERS}{folder}")[0] == 204
        assert called(server, "GET", f"{_FOLDERS}{folder}")[0] == 404
        assert called(server, "PUT", f"{_FILES}/Volumes/main/{schema}/none/x", b"")[0] == 404

    def test_a_lost_answer_is_a_statement_sent_twice(
        self, server: DatabricksServer, schema: str
    ) -> None:
        """As the driver does: the reason why no statement of ours is a plain INSERT."""
        with connected(server) as cursor:
            for action, rows in (("drop_before", 1), ("drop_after", 3)):
                server.fault(f"INSERT INTO {schema}", action)
                cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 'x')")
                assert asked(cursor, f"SELECT COUNT(*) AS n FROM {schema}.t") == [{"n": rows}]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("a${x}b", "ab"),
            ("${spark.app.name}", "syncline"),
            ("${spark:spark.app.name}${hiveconf:x}${hivevar:x}${sparkconf:x}", "syncline"),
            ("${env:SYNCLINE_IS_NOT_SET}${system:is.not.set}",) * 2,
            ("${what:x} ${x y} ${} ${",) * 2,
            ("${a${b}c}", "c}"),
            ("$\\u007bspark.app.name}", "${spark.app.name}"),
        ],
    )
    def test_variables(self, server: DatabricksServer, written: str, said: str) -> None:
        """They are put into a statement wherever they are written, in a name and a literal."""
        with connected(server) as cursor:
            assert asked(cursor, f"SELECT '{written}' AS v") == [{"v": said}]
            assert asked(cursor, "SELECT 1 AS `a${x}b`") == [{"ab": 1}]

    def test_faults_come_when_they_are_due(self, server: DatabricksServer, schema: str) -> None:
        """At the n-th request that matches, so many times; others are left alone."""
        server.fault(f"FROM {schema}.t", "error", nth=2, times=2, message="[SOME] thing")
        query = f"SELECT id FROM {schema}.t"
        with connected(server) as cursor:
            asked(cursor, query)
            for _ in range(2):
                with pytest.raises(exc.ServerOperationError, match="thing"):
                    asked(cursor, query)
            asked(cursor, query)
        server.fault("never", "delay")
        assert [f["pattern"] for f in server.clear("never")] == ["never"]
        assert server.clear(schema) == []

    def test_a_warehouse_that_was_stopped(self, server: DatabricksServer) -> None:
        """It starts with the first call, which has to be sent again."""
        server.warehouse(stopped=True, starts_in=0.5)
        state = json.loads(called(server, "GET", "/api/2.0/sql/warehouses/local")[1])["state"]
        assert state == "STOPPED"
        with connected(server) as cursor:
            assert asked(cursor, "SELECT 1 AS one") == [{"one": 1}]
        server.warehouse(starts_in=0)

    def test_what_was_there_when_the_process_died(
        self, server: DatabricksServer, schema: str
    ) -> None:
        """Tables and files are there again, at the same address."""
        self._uploaded(server, schema, "4/a.parquet", id=[1], v=["a"])
        with connected(server) as cursor:
            cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 'x')")
        server.kill()
        server.start()
        with connected(server) as cursor:
            assert asked(cursor, f"SELECT id, v FROM {schema}.t") == [{"id": 1, "v": "x"}]
            read = f"SELECT v FROM READ_FILES('/Volumes/main/{schema}/files/4')"
            assert asked(cursor, f"{read[:-1]}, format => 'parquet')") == [{"v": "a"}]
