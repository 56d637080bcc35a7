"""Databricks' dialect of Thrift, from results to messages."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

OK: Final = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
_ROWS: Final = 100_000
_BATCH: Final = 65_536
_KINDS: Final = (
    (pa.types.is_boolean, "BOOLEAN_TYPE"),
    (pa.types.is_int8, "TINYINT_TYPE"),
    (pa.types.is_int16, "SMALLINT_TYPE"),
    (pa.types.is_int32, "INT_TYPE"),
    (pa.types.is_integer, "BIGINT_TYPE"),
    (pa.types.is_float32, "FLOAT_TYPE"),
    (pa.types.is_float64, "DOUBLE_TYPE"),
    (pa.types.is_decimal, "DECIMAL_TYPE"),
    (pa.types.is_timestamp, "TIMESTAMP_TYPE"),
    (pa.types.is_date, "DATE_TYPE"),
    (pa.types.is_binary, "BINARY_TYPE"),
    (pa.types.is_large_binary, "BINARY_TYPE"),
    (pa.types.is_map, "MAP_TYPE"),
    (pa.types.is_struct, "STRUCT_TYPE"),
    (pa.types.is_list, "ARRAY_TYPE"),
    (pa.types.is_null, "NULL_TYPE"),
)
_WHOLE: Final = frozenset({"INT", "BIGINT", "SMALLINT", "TINYINT"})


class Rows:
    """A result on its way to the client."""

    def __init__(self, rows: pa.Table, staging: Mapping[str, str] | None) -> None:
        self._rows = rows
        self._staging = staging
        self._at = 0

    def metadata(self) -> Any:
        """Return the answer to GetResultSetMetadata."""
        columns = [
            ttypes.TColumnDesc(columnName=f.name, typeDesc=_type(f.type), position=i + 1)
            for i, f in enumerate(self._rows.schema)
        ]
        return ttypes.TGetResultSetMetadataResp(
            status=OK,
            schema=ttypes.TTableSchema(columns=columns),
            resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self._rows.schema.serialize().to_pybytes(),
            isStagingOperation=self._staging is not None,
        )

    def next(self, count: int | None) -> Any:
        """Return the answer to the next FetchResults."""
        part = self._rows.slice(self._at, max(1, count or _ROWS))
        start, self._at = self._at, self._at + part.num_rows
        batches = [
            ttypes.TSparkArrowBatch(batch=b.serialize().to_pybytes(), rowCount=b.num_rows)
            for b in part.combine_chunks().to_batches(max_chunksize=_BATCH)
        ]
        return ttypes.TFetchResultsResp(
            status=OK,
            hasMoreRows=self._at < self._rows.num_rows,
            results=ttypes.TRowSet(startRowOffset=start, rows=[], arrowBatches=batches),
        )


def _type(type_: pa.DataType) -> Any:
    name = next((name for is_kind, name in _KINDS if is_kind(type_)), "STRING_TYPE")
    qualifiers = None
    if pa.types.is_decimal(type_):
        sizes = {"precision": type_.precision, "scale": type_.scale}
        qualifiers = ttypes.TTypeQualifiers(
            qualifiers={k: ttypes.TTypeQualifierValue(i32Value=v) for k, v in sizes.items()}
        )
    entry = ttypes.TPrimitiveTypeEntry(
        type=getattr(ttypes.TTypeId, name), typeQualifiers=qualifiers
    )
    return ttypes.TTypeDesc(types=[ttypes.TTypeEntry(primitiveEntry=entry)])


def parameter(sent: Any) -> Any:  # noqa: PLR0911 (a table of cases)
    """Return the value of a statement's parameter."""
    text = sent.value.stringValue if sent.value is not None else None
    kind = (sent.type or "STRING").upper()
    if text is None or kind == "VOID":
        return None
    if kind in _WHOLE:
        return int(text)
    if kind in {"FLOAT", "DOUBLE"}:
        return float(text)
    if kind.startswith("DECIMAL"):
        return Decimal(text)
    if kind == "BOOLEAN":
        return text.lower() == "true"
    if kind == "DATE":
        return date.fromisoformat(text)
    return datetime.fromisoformat(text) if kind.startswith("TIMESTAMP") else text
