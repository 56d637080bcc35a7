"""What a warehouse says, and the errors that it becomes."""

import pytest
from databricks.sql import exc

from syncline.destinations.databricks_errors import is_lost, translated
from syncline.errors import (
    DestinationRefused,
    RecordRefused,
    StaleGeneration,
    SynclineError,
    Unavailable,
)
from syncline.load.fence import STALE

_SIGNED = "/a/part-403.parquet?se=1&sig=S%2BECRET"
_STATEMENT = f"MERGE INTO `t` USING (SELECT … ELSE RAISE_ERROR('{STALE}') END)"
_RAISED = f"[USER_RAISED_EXCEPTION] {STALE} SQLSTATE: P0001"


@pytest.mark.parametrize(
    "text",
    [
        _RAISED,
        f"{_RAISED}\n== SQL (line 1, position 9) ==\n{_STATEMENT}\n^^^",
        (
            "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times: (TID 7) "
            f"org.apache.spark.SparkRuntimeException: {_RAISED}\n\tat org.apache.spark.sql…"
        ),
        # The message alone, as releases before the conditions have it.
        STALE,
        f"Error running query: java.lang.RuntimeException: {STALE}",
        f"[DELTA_FAILED] no\n== SQL ==\n{_STATEMENT}\nCaused by: {_RAISED}",
    ],
)
def test_what_the_warehouse_raises_for_a_stale_run(text: str) -> None:
    assert isinstance(translated(exc.ServerOperationError(text)), StaleGeneration)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"[PARSE_SYNTAX_ERROR] near 'x'. (line 1, pos 2)\n\n== SQL ==\n{_STATEMENT}\n--^^^",
         DestinationRefused),
        (f"[UNRESOLVED_COLUMN] no `x`;\n'Filter CASE … ELSE raise_error({STALE}) END",
         DestinationRefused),
        (f"[DELTA_X] y;\n+- raise_error(USER_RAISED_EXCEPTION, map(errorMessage, {STALE}))",
         DestinationRefused),
        (f"[CAST_OVERFLOW] 9 is too much.\n== SQL (line 1, position 1) ==\n{_STATEMENT}",
         RecordRefused),
        ("[PARSE_SYNTAX_ERROR] near 'x'.\n\n== SQL ==\nSELECT 'No space left'", DestinationRefused),
    ],
)  # fmt: skip
def test_a_statement_that_is_repeated_is_not_what_is_said(
    text: str, kind: type[SynclineError]
) -> None:
    assert type(translated(exc.ServerOperationError(text))) is kind


@pytest.mark.parametrize(
    "error",
    [
        exc.RequestError(
            f"HTTP request failed: Max retries exceeded with url: {_SIGNED} (Caused by"
        ),
        exc.RequestError(f"HTTP request error: 'https://s3{_SIGNED}'"),
        exc.OperationalError(
            "Staging operation over HTTP was unsuccessful: 503-<StringToSign>PUT "
            "X-Amz-Security-Token=SECRET</StringToSign>"
        ),
    ],
)
def test_addresses_are_told_without_their_signatures(error: exc.Error) -> None:
    told = translated(error)
    assert type(told) is Unavailable
    assert "ECRET" not in str(told)
    assert "network rules" in told.hint
    assert is_lost(error)
