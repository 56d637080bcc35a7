"""T-SQL data types: how they are written, stored in DuckDB and described in the catalog."""

import re
from dataclasses import dataclass

from standins.tds.errors import ServerError

MAX = -1

_DUCKDB = {
    "bit": "BOOLEAN",
    "tinyint": "UTINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "real": "REAL",
    "float": "DOUBLE",
    "money": "DECIMAL(19,4)",
    "smallmoney": "DECIMAL(10,4)",
    "date": "DATE",
    "time": "TIME",
    "datetime2": "TIMESTAMP",
    "datetime": "TIMESTAMP",
    "smalldatetime": "TIMESTAMP",
    "datetimeoffset": "TIMESTAMPTZ",
    "uniqueidentifier": "UUID",
}

#: system_type_id, bytes, precision and scale of sys.types.
SYSTEM_TYPES = {
    "bit": (104, 1, 1, 0),
    "tinyint": (48, 1, 3, 0),
    "smallint": (52, 2, 5, 0),
    "int": (56, 4, 10, 0),
    "bigint": (127, 8, 19, 0),
    "real": (59, 4, 24, 0),
    "float": (62, 8, 53, 0),
    "money": (60, 8, 19, 4),
    "smallmoney": (122, 4, 10, 4),
    "decimal": (106, 17, 38, 38),
    "numeric": (108, 17, 38, 38),
    "date": (40, 3, 10, 0),
    "time": (41, 5, 16, 7),
    "datetime2": (42, 8, 27, 7),
    "datetimeoffset": (43, 10, 34, 7),
    "datetime": (61, 8, 23, 3),
    "smalldatetime": (58, 4, 16, 0),
    "uniqueidentifier": (36, 16, 0, 0),
    "nvarchar": (231, 8000, 0, 0),
    "nchar": (239, 8000, 0, 0),
    "varchar": (167, 8000, 0, 0),
    "char": (175, 8000, 0, 0),
    "varbinary": (165, 8000, 0, 0),
    "binary": (173, 8000, 0, 0),
    "xml": (241, -1, 0, 0),
}

TEXT = frozenset({"nvarchar", "varchar", "nchar", "char", "xml"})
BINARY = frozenset({"varbinary", "binary"})
SCALED_TIMES = frozenset({"time", "datetime2", "datetimeoffset"})
TIMES = SCALED_TIMES | {"date", "datetime", "smalldatetime"}
DECIMALS = frozenset({"decimal", "numeric"})

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "double": "float",
}
_WRITTEN = re.compile(
    r"\s*\[?(?:sys\]?\.\[?)?([A-Za-z_]\w*)\]?(?:\s*\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*"
)
_MAX_PRECISION = 38
_MAX_SCALE = 7
_REAL_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlType:
    """A data type with its length (characters or bytes, MAX for ``max``), precision and scale."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0

    @property
    def ddl(self) -> str:
        """The type as T-SQL writes it."""
        if self.name in DECIMALS:
            return f"{self.name}({self.precision},{self.scale})"
        if self.name in SCALED_TIMES:
            return f"{self.name}({self.scale})"
        if self.length and self.name != "xml":
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        return self.name

    @property
    def duckdb(self) -> str:
        """The DuckDB type that holds it."""
        if self.name in DECIMALS:
            return f"DECIMAL({self.precision},{self.scale})"
        if self.name in BINARY:
            return "BLOB"
        return _DUCKDB.get(self.name, "VARCHAR")

    @property
    def is_text(self) -> bool:
        """Whether values are strings."""
        return self.name in TEXT

    @property
    def is_unicode(self) -> bool:
        """Whether a character takes two bytes."""
        return self.name in {"nvarchar", "nchar"}

    @property
    def max_length(self) -> int:
        """sys.columns.max_length: bytes, -1 for (max)."""
        if self.length == MAX:
            return MAX
        if self.name in DECIMALS:
            return decimal_length(self.precision)
        if self.name in SCALED_TIMES:
            extra = {"time": 0, "datetime2": 3, "datetimeoffset": 5}[self.name]
            return time_length(self.scale) + extra
        if self.length:
            return self.length * 2 if self.is_unicode else self.length
        return SYSTEM_TYPES[self.name][1]

    @property
    def shown_precision(self) -> int:
        """sys.columns.precision."""
        if self.name in SCALED_TIMES:
            base = {"time": 8, "datetime2": 19, "datetimeoffset": 26}[self.name]
            return base + (self.scale + 1 if self.scale else 0)
        return self.precision or SYSTEM_TYPES[self.name][2]

    @property
    def shown_scale(self) -> int:
        """sys.columns.scale."""
        if self.name in DECIMALS | SCALED_TIMES:
            return self.scale
        return SYSTEM_TYPES[self.name][3]


BIT = SqlType(name="bit")
INT = SqlType(name="int")
BIGINT = SqlType(name="bigint")
SYSNAME = SqlType(name="nvarchar", length=128)
NVARCHAR_4000 = SqlType(name="nvarchar", length=4000)
NVARCHAR_MAX = SqlType(name="nvarchar", length=MAX)
DATETIME2 = SqlType(name="datetime2", scale=7)
DATETIMEOFFSET = SqlType(name="datetimeoffset", scale=7)


#: Names that say the length too.
_WHOLE_NAMES = {
    "sysname": SYSNAME,
    "rowversion": SqlType(name="varbinary", length=8),
    "timestamp": SqlType(name="varbinary", length=8),
    "ntext": SqlType(name="nvarchar", length=MAX),
    "text": SqlType(name="varchar", length=MAX),
    "image": SqlType(name="varbinary", length=MAX),
    "xml": SqlType(name="xml", length=MAX),
}


def decimal_length(precision: int) -> int:
    """Return the bytes of a decimal on the wire and on disk."""
    return next(
        size for digits, size in ((9, 5), (19, 9), (28, 13), (99, 17)) if precision <= digits
    )


def time_length(scale: int) -> int:
    """Return the bytes of the time of day in a value with fractional seconds."""
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def parse_type(text: str, *, default_length: int = 1) -> SqlType:
    """Read a type as T-SQL writes it; ``default_length`` is 30 in casts. Raises 102, 2715, ..."""
    match = _WRITTEN.fullmatch(text)
    if not match:
        raise ServerError(102, f"Incorrect syntax near '{text.strip()}'.")
    written, first, second = match[1].lower(), match[2], match[3]
    if written in _WHOLE_NAMES:
        return _WHOLE_NAMES[written]
    name = _SYNONYMS.get(written, written)
    if name in DECIMALS:
        return _decimal(name, int(first or 18), int(second or 0))
    if name in SCALED_TIMES:
        return _scaled(name, _MAX_SCALE if first is None else int(first))
    if name in TEXT | BINARY:
        return _sized(name, first, default_length)
    if name not in _DUCKDB:
        raise ServerError(
            2715, f"Column, parameter, or variable #1: Cannot find data type {match[1]}."
        )
    short = name == "float" and first and int(first) <= _REAL_DIGITS
    return SqlType(name="real" if short else name)


def _scaled(name: str, scale: int) -> SqlType:
    if scale > _MAX_SCALE:
        raise ServerError(1002, f"Line 1: Specified scale {scale} is invalid.")
    return SqlType(name=name, scale=scale)


def _decimal(name: str, precision: int, scale: int) -> SqlType:
    if precision > _MAX_PRECISION:
        raise ServerError(
            2750, f"Column or parameter #1: Specified column precision {precision} is greater "
            "than the maximum precision of 38."
        )  # fmt: skip
    if scale > precision:
        raise ServerError(
            192, f"The scale must be less than or equal to the precision ({precision},{scale})."
        )
    return SqlType(name=name, precision=precision, scale=scale)


def _sized(name: str, length: str | None, default: int) -> SqlType:
    if length and length.lower() == "max":
        return SqlType(name=name, length=MAX)
    size = int(length or default)
    limit = 4000 if name in {"nvarchar", "nchar"} else 8000
    if not 0 < size <= limit:
        raise ServerError(
            131,
            f"The size ({size}) given to the type '{name}' exceeds the maximum allowed ({limit}).",
        )
    return SqlType(name=name, length=size)


_FROM_DUCKDB = {
    "BOOLEAN": "bit",
    "TINYINT": "smallint",
    "UTINYINT": "tinyint",
    "SMALLINT": "smallint",
    "USMALLINT": "int",
    "INTEGER": "int",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "UHUGEINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "float",
    "DATE": "date",
    "UUID": "uniqueidentifier",
    "NULL": "int",
    '"NULL"': "int",
}


def from_duckdb(name: str) -> SqlType:
    """Return the T-SQL type that a DuckDB result type is sent as."""
    if name in _FROM_DUCKDB:
        return SqlType(name=_FROM_DUCKDB[name])
    if name.startswith("DECIMAL"):
        precision, scale = (int(n) for n in re.findall(r"\d+", name))
        return SqlType(name="decimal", precision=precision, scale=scale)
    return next((kind for start, kind in _BY_START if name.startswith(start)), NVARCHAR_4000)


#: The first that fits counts.
_BY_START = (
    ("UBIGINT", SqlType(name="decimal", precision=20)),
    ("TIMESTAMP WITH TIME ZONE", DATETIMEOFFSET),
    ("TIMESTAMP", DATETIME2),
    ("TIME", SqlType(name="time", scale=7)),
    ("BLOB", SqlType(name="varbinary", length=8000)),
)
