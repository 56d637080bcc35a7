"""SQL Server's limits on tables and keys."""

from standins.tds.catalog import Key, Table
from standins.tds.errors import ServerError
from standins.tds.sqltypes import MAX

_COLUMNS = 1024
_KEY_COLUMNS = 32
_ROW_BYTES = 8060
_CLUSTERED, _NONCLUSTERED = 900, 1700
_VARIABLE = frozenset({"nvarchar", "varchar", "varbinary", "xml"})


def key_limit(key: Key) -> int:
    """Return the bytes that an entry of the key may have."""
    return _CLUSTERED if key.clustered else _NONCLUSTERED


def check_table(table: Table) -> None:
    """Refuse a table that SQL Server would refuse. Raises 1701, 1702, 2705, 1902, 1919, ..."""
    if len(table.columns) > _COLUMNS:
        name = table.columns[_COLUMNS].name
        raise ServerError(
            1702, f"CREATE TABLE failed because column '{name}' in table '{table.name}' exceeds "
            "the maximum of 1024 columns."
        )  # fmt: skip
    seen: set[str] = set()
    for column in table.columns:
        if column.name.lower() in seen:
            raise ServerError(
                2705, "Column names in each table must be unique. Column name "
                f"'{column.name}' in table '{table.name}' is specified more than once."
            )  # fmt: skip
        seen.add(column.name.lower())
    _check_row(table)
    for key in table.keys:
        _check_key(table, key)
    clustered = [k for k in table.keys if k.clustered]
    if len(clustered) > 1:
        raise ServerError(
            1902, f"Cannot create more than one clustered index on table '{table.shown_name}'. "
            f"Drop the existing clustered index '{clustered[0].name}' before creating another."
        )  # fmt: skip
    if sum(k.kind == "PK" for k in table.keys) > 1:
        raise ServerError(1779, f"Table '{table.name}' already has a primary key defined on it.")


def warning(table: Table, key: Key) -> str:
    """Return the warning about a key whose entries could be too long (1945), or nothing."""
    size = _key_size(table, key)
    limit = key_limit(key)
    if key.columnstore or size <= limit:
        return ""
    kind = "clustered" if key.clustered else "nonclustered"
    return (
        f"Warning! The maximum key length for a {kind} index is {limit} bytes. The index "
        f"'{key.name}' has maximum length of {size} bytes. For some combination of large values, "
        "the insert/update operation will fail."
    )


def _key_size(table: Table, key: Key) -> int:
    return sum(c.kind.max_length for c in map(table.column, key.columns) if c)


def _check_key(table: Table, key: Key) -> None:
    if key.columnstore:
        return
    if len(key.columns) > _KEY_COLUMNS:
        raise ServerError(
            1904, f"The index '{key.name}' on table '{table.name}' has {len(key.columns)} columns "
            "in the key list. The maximum limit for index key column list is 32."
        )  # fmt: skip
    fixed = 0
    for name in key.columns:
        column = table.column(name)
        if column is None:
            raise ServerError(
                1911, f"Column name '{name}' does not exist in the target table or view."
            )
        if column.kind.length == MAX or column.kind.name == "xml":
            raise ServerError(
                1919, f"Column '{column.name}' in table '{table.shown_name}' is of a type that is "
                "invalid for use as a key column in an index."
            )  # fmt: skip
        if key.kind == "PK" and column.nullable:
            raise ServerError(
                8111, "Cannot define PRIMARY KEY constraint on nullable column in table "
                f"'{table.name}'."
            )  # fmt: skip
        if column.kind.name not in _VARIABLE:
            fixed += column.kind.max_length
    if fixed > key_limit(key):
        raise ServerError(
            1944, f"Index '{key.name}' was not created. This index has a key length of at least "
            f"{fixed} bytes. The maximum permissible key length is {key_limit(key)} bytes."
        )  # fmt: skip


def _check_row(table: Table) -> None:
    # Four bytes of header, the column count and a bit for every column that may be NULL.
    overhead = 4 + 2 + (len(table.columns) + 7) // 8
    size = overhead + sum(c.kind.max_length for c in table.columns if c.kind.name not in _VARIABLE)
    if size > _ROW_BYTES:
        raise ServerError(
            1701, f"Creating or altering table '{table.name}' failed because the minimum row size "
            f"would be {size}, including {overhead} bytes of internal overhead. This exceeds the "
            "maximum allowable table row size of 8060 bytes."
        )  # fmt: skip
