"""The Thrift service: sessions, statements and their results."""

import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

from standins.databricks.commands import Commands, Warehouse
from standins.databricks.engine import Engine, Session, SqlError
from standins.databricks.tally import Tally
from standins.databricks.wire import OK, Rows, parameter
from standins.databricks.words import opening

_KEPT: Final = 5_000
#: Statements that are known by their first two words.
_TWO_WORDS: Final = frozenset({"CREATE", "ALTER", "DROP", "COPY", "BEGIN", "DESCRIBE"})


class Service:
    """Answers the calls of TCLIService; its methods are named as Thrift names them."""

    def __init__(self, engine: Engine, warehouse: Warehouse, *, trace: bool = False) -> None:
        self._engine = engine
        self._warehouse = warehouse
        self._trace = trace
        self._sessions: dict[bytes, Commands] = {}
        self._results: dict[bytes, Any] = {}
        self.tally = Tally()
        #: The statements so far.
        self.log: list[str] = []
        #: The message that the statement of this thread has to fail with, if any.
        self.failing = threading.local()

    def OpenSession(self, request: Any) -> Any:  # noqa: N802 (Thrift's names)
        space = request.initialNamespace
        try:
            schema = space.schemaName if space and space.schemaName else ""
            commands = Commands(self._warehouse, self._opened(schema))
            if space and space.catalogName:
                commands.run(f"USE CATALOG `{space.catalogName}`")
        except SqlError as error:
            return ttypes.TOpenSessionResp(
                status=_refused(error), serverProtocolVersion=_PROTOCOL, sessionHandle=None
            )
        handle = _handle()
        self._sessions[handle.guid] = commands
        return ttypes.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=_PROTOCOL,
            sessionHandle=ttypes.TSessionHandle(sessionId=handle),
            canUseMultipleCatalogs=True,
            initialNamespace=space,
        )

    def _opened(self, schema: str) -> Session:
        """Open a session; its schema may be made later."""
        try:
            return self._engine.session(schema)
        except SqlError:
            return self._engine.session()

    def CloseSession(self, request: Any) -> Any:  # noqa: N802
        session = self._sessions.pop(request.sessionHandle.sessionId.guid, None)
        if session:
            session.session.close()
        return ttypes.TCloseSessionResp(status=OK)

    def ExecuteStatement(self, request: Any) -> Any:  # noqa: N802
        session = self._sessions.get(request.sessionHandle.sessionId.guid)
        if session is None:
            status = ttypes.TStatus(
                statusCode=ttypes.TStatusCode.INVALID_HANDLE_STATUS,
                errorMessage="Invalid SessionHandle", sqlState="HY000", infoMessages=[],
            )  # fmt: skip
            return ttypes.TExecuteStatementResp(status=status)
        values: Any = None
        if request.parameters:
            named = {p.name: parameter(p) for p in request.parameters if p.name}
            values = named or [parameter(p) for p in request.parameters]
        self.log.append(request.statement)
        del self.log[:-_KEPT]
        failing = getattr(self.failing, "message", "")

        def rows() -> Rows:
            if failing:
                raise SqlError(failing).echoing(request.statement)
            first, *more = opening(request.statement, 2)
            kind = " ".join([first, *(more if first in _TWO_WORDS else ())])
            with self.tally.timed(kind):
                try:
                    return Rows(*session.run(request.statement, values))
                except SqlError as error:
                    raise error.echoing(request.statement) from error

        return self._answer(
            ttypes.TExecuteStatementResp, ttypes.TOperationType.EXECUTE_STATEMENT, rows, request
        )

    def GetOperationStatus(self, request: Any) -> Any:  # noqa: N802
        found = self._results.get(request.operationHandle.operationId.guid)
        if isinstance(found, Rows) or found is None:
            return ttypes.TGetOperationStatusResp(
                status=OK, operationState=ttypes.TOperationState.FINISHED_STATE
            )
        return found

    def GetResultSetMetadata(self, request: Any) -> Any:  # noqa: N802
        return self._results[request.operationHandle.operationId.guid].metadata()

    def FetchResults(self, request: Any) -> Any:  # noqa: N802
        rows = self._results[request.operationHandle.operationId.guid]
        answer = rows.next(request.maxRows)
        if request.includeResultSetMetadata:
            answer.resultSetMetadata = rows.metadata()
        return answer

    def CloseOperation(self, request: Any) -> Any:  # noqa: N802
        self._results.pop(request.operationHandle.operationId.guid, None)
        return ttypes.TCloseOperationResp(status=OK)

    def CancelOperation(self, request: Any) -> Any:  # noqa: N802, ARG002
        return ttypes.TCancelOperationResp(status=OK)

    def GetCatalogs(self, request: Any) -> Any:  # noqa: N802
        names = sorted(self._warehouse.catalogs)
        return self._answer(
            ttypes.TGetCatalogsResp,
            ttypes.TOperationType.GET_CATALOGS,
            lambda: Rows(pa.table({"TABLE_CAT": pa.array(names, pa.string())}), None),
            request,
        )

    def GetSchemas(self, request: Any) -> Any:  # noqa: N802
        session = self._sessions[request.sessionHandle.sessionId.guid].session

        def rows() -> Rows:
            names = session.schemas()
            catalog = [request.catalogName or "main"] * len(names)
            columns = {"TABLE_SCHEM": names, "TABLE_CATALOG": catalog}
            return Rows(pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}), None)

        kind = ttypes.TOperationType.GET_SCHEMAS
        return self._answer(ttypes.TGetSchemasResp, kind, rows, request)

    def _answer(self, response: Any, kind: int, rows: Callable[[], Rows], request: Any) -> Any:
        identity = _handle()
        handle = ttypes.TOperationHandle(
            operationId=identity, operationType=kind, hasResultSet=True
        )
        direct = request.getDirectResults
        try:
            found = rows()
        except Exception as error:  # noqa: BLE001 (whatever it is, the client has to be told)
            if self._trace:
                traceback.print_exc(file=sys.stderr)
            message = str(error)
            status = ttypes.TGetOperationStatusResp(
                status=OK,
                operationState=ttypes.TOperationState.ERROR_STATE,
                sqlState=error.state if isinstance(error, SqlError) else "HY000",
                errorCode=0,
                errorMessage=message,
                displayMessage=message,
            )
            self._results[identity.guid] = status
            told = ttypes.TSparkDirectResults(operationStatus=status) if direct else None
            return response(status=OK, operationHandle=handle, directResults=told)
        if not direct:
            self._results[identity.guid] = found
            return response(status=OK, operationHandle=handle)
        answer = ttypes.TSparkDirectResults(
            operationStatus=ttypes.TGetOperationStatusResp(
                status=OK, operationState=ttypes.TOperationState.FINISHED_STATE
            ),
            resultSetMetadata=found.metadata(),
            resultSet=found.next(direct.maxRows),
        )
        if answer.resultSet.hasMoreRows:
            self._results[identity.guid] = found
        else:
            answer.closeOperation = ttypes.TCloseOperationResp(status=OK)
        return response(status=OK, operationHandle=handle, directResults=answer)


_PROTOCOL: Final = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8


def _handle() -> Any:
    return ttypes.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)


def _refused(error: SqlError) -> Any:
    return ttypes.TStatus(
        statusCode=ttypes.TStatusCode.ERROR_STATUS,
        errorMessage=str(error),
        sqlState=error.state,
        infoMessages=[],
    )
