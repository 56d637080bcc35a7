"""T-SQL's functions in DuckDB's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from standins.tds.catalog import DEFAULT_COLLATION, Table
from standins.tds.errors import unsupported
from standins.tds.lexer import literal, split_name
from standins.tds.permissions import allowed
from standins.tds.sqltypes import BINARY, SYSTEM_TYPES, SqlType
from standins.tds.system import SERVER_PROPERTIES
from standins.tds.translation import Translation, own_name

_TYPE_NAMES = " ".join(f"WHEN {f[0]} THEN '{name}'" for name, f in SYSTEM_TYPES.items())
#: The characters of code page 1252 beside those of Latin 1.
_CODE_PAGE = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
#: UTF-16 code units of a text, and its bytes: what LEN and DATALENGTH count in.
MACROS = (
    f"CREATE OR REPLACE TEMP MACRO tds_type_name(x) AS CASE x {_TYPE_NAMES} END",
    r"""CREATE OR REPLACE TEMP MACRO tds_units(x) AS CAST(
        CASE WHEN strlen(x) = length(x) THEN length(x)
        ELSE length(x) + length(regexp_replace(x, '[^\x{10000}-\x{10FFFF}]', '', 'g')) END
        AS INTEGER)""",
    rf"""CREATE OR REPLACE TEMP MACRO tds_code_page(x) AS CASE WHEN strlen(x) = length(x) THEN x
        ELSE regexp_replace(regexp_replace(x, '[\x{{10000}}-\x{{10FFFF}}]', '??', 'g'),
            '[^\x{{00}}-\x{{7F}}\x{{A0}}-\x{{FF}}{_CODE_PAGE}]', '?', 'g') END""",
    """CREATE OR REPLACE TEMP MACRO tds_utf16(x) AS CASE WHEN x = '' THEN CAST('' AS BLOB) ELSE
        unhex(array_to_string(list_transform(string_split(x, ''), lambda c:
            CASE WHEN unicode(c) < 65536 THEN printf('%02x%02x', unicode(c) & 255, unicode(c) >> 8)
            ELSE printf('%02x%02x%02x%02x',
                ((unicode(c) - 65536) >> 10) & 255, 216 + ((unicode(c) - 65536) >> 18),
                (unicode(c) - 65536) & 255, 220 + (((unicode(c) - 65536) & 1023) >> 8))
            END), '')) END""",
)

_HASHES = {"sha2_256": "sha256", "sha2_512": "", "sha1": "sha1", "sha": "sha1", "md5": "md5"}

_PATTERNS = {
    "quotename": "('[' || replace({0}, ']', ']]') || ']')",
    "newid": "uuid()",
    "newsequentialid": "uuid()",
    "count_big": "count({0})",
    "len": "tds_units(rtrim(CAST({0} AS VARCHAR)))",
    "isnull": "coalesce({0}, {1})",
    "isdate": "CAST(try_cast({0} AS TIMESTAMP) IS NOT NULL AS INTEGER)",
    "isnumeric": "CAST(try_cast({0} AS DOUBLE) IS NOT NULL AS INTEGER)",
    "isjson": "CAST(json_valid({0}) AS INTEGER)",
    "json_value": "({0} ->> {1})",
    "space": "repeat(' ', {0})",
    "replicate": "repeat({0}, {1})",
    "stuff": "(substr({0}, 1, {1} - 1) || coalesce({3}, '') || substr({0}, {1} + {2}))",
    "charindex": "CAST(strpos({1}, {0}) AS INTEGER)",
    "unicode": "unicode({0})",
    "todatetimeoffset": "CAST({0} AS TIMESTAMPTZ)",
    "switchoffset": "{0}",
    "square": "pow({0}, 2)",
    "nchar": "chr({0})",
    "str": "CAST({0} AS VARCHAR)",
    "type_name": "tds_type_name({0})",
    "checksum": "CAST(hash({0}) % 2147483647 AS INTEGER)",
    "binary_checksum": "CAST(hash({0}) % 2147483647 AS INTEGER)",
}
_NOW = {"sysutcdatetime", "getutcdate", "sysdatetime", "getdate", "sysdatetimeoffset"}


def call(node: exp.Anonymous, translation: Translation) -> exp.Expr:
    """Return what stands in DuckDB for a call of one of the server's own functions."""
    name = own_name(node)
    arguments = list(node.expressions)
    if name in _NOW:
        return now(translation, offset=name == "sysdatetimeoffset")
    if name in CONSTANTS:
        translation.dynamic = True
        return _constant(CONSTANTS[name](translation, [_text(a, translation) for a in arguments]))
    if name in _NAMES:
        if not arguments:
            return exp.Literal.string("dbo")
        translation.dynamic = True
        return _named(arguments[0], _NAMES[name](translation))
    if name in {"hashbytes", "datalength"}:
        return _bytes_function(name, arguments, translation)
    if name in _PATTERNS:
        return _duckdb(_PATTERNS[name].format(*(a.sql(dialect="duckdb") for a in arguments)))
    raise unsupported(f"function {name.upper()}")


def now(translation: Translation, *, offset: bool = False) -> exp.Expr:
    """Return the time: one value for the whole statement."""
    if translation.constant:
        return _duckdb("now()" if offset else "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)")
    return parameter("__nowtz" if offset else "__now", translation)


def parameter(name: str, translation: Translation) -> exp.Expr:
    """Return a variable as a parameter of DuckDB."""
    kind, value = translation.variable(name)
    translation.parameters[name.lower()] = value
    node = _duckdb(f"CAST(${name.lower()} AS {kind.duckdb})")
    node.meta["tds_type"] = kind
    return node


def _duckdb(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _constant(value: Any) -> exp.Expr:
    if value is None:
        return exp.null()
    if isinstance(value, bool | int):
        return exp.Literal.number(int(value))
    return exp.Literal.string(str(value))


def _named(number: exp.Expr, names: Mapping[int, str]) -> exp.Expr:
    value = number.sql(dialect="duckdb")
    cases = " ".join(f"WHEN {n} THEN {literal(name)}" for n, name in names.items())
    return _duckdb(f"CASE {value} {cases} END") if cases else exp.null()


def _text(node: exp.Expr, translation: Translation) -> Any:
    """Return the value of an argument that does not depend on rows."""
    if isinstance(node, exp.Literal):
        return node.name
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Parameter):
        return translation.parameters.get(node.this.name)
    sql = f"SELECT {node.sql(dialect='duckdb')}"
    return translation.session.transaction.read(sql, translation.parameters)[0][0]


def _bytes_function(name: str, arguments: Sequence[exp.Expr], translation: Translation) -> exp.Expr:
    value = arguments[-1]
    sql = value.sql(dialect="duckdb")
    kind = translation.type_of(value)
    if kind and kind.is_text:
        data = f"encode({sql})" if kind.name in {"varchar", "char"} else f"tds_utf16({sql})"
    else:
        data = f"CAST({sql} AS BLOB)"
    if name == "datalength":
        return _duckdb(_length(sql, data, kind))
    function = _HASHES.get(str(_text(arguments[0], translation)).lower(), "")
    if not function:
        raise unsupported("such hash")
    return _duckdb(f"unhex({function}({data}))")


def _length(sql: str, data: str, kind: SqlType | None) -> str:
    if kind and kind.is_text and kind.name not in {"varchar", "char"}:
        return f"2 * tds_units({sql})"
    if kind and not kind.is_text and kind.name not in BINARY:
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE {kind.max_length} END"
    return f"CAST(octet_length({data}) AS INTEGER)"


# Functions whose value is known before the statement runs


_Arguments = Sequence[Any]


def _table(translation: Translation, name: Any) -> Table | None:
    table = translation.session.find(split_name(str(name))) if name else None
    visible = table and allowed(translation.session.user_of(table), "SELECT", table)
    return table if visible else None


def _object_id(translation: Translation, arguments: _Arguments) -> int | None:
    table = _table(translation, arguments[0])
    if table:
        wanted = str(arguments[1]).strip().upper() if len(arguments) > 1 else ""
        fits = not wanted or wanted == ("V" if table.view else "U")
        return table.object_id if fits else None
    name = split_name(str(arguments[0] or ""))[-1].lower()
    for known in translation.session.tables():
        for at, key in enumerate(known.keys, 1):
            if key.is_constraint and key.name.lower() == name:
                return known.object_id * 1000 + 900 + at
    return None


def _col_length(translation: Translation, arguments: _Arguments) -> int | None:
    table = _table(translation, arguments[0])
    column = table.column(str(arguments[1] or "")) if table else None
    return column.kind.max_length if column else None


def _column_property(translation: Translation, arguments: _Arguments) -> int | None:
    tables = translation.session.tables()
    table = next((t for t in tables if str(t.object_id) == str(arguments[0])), None)
    column = table.column(str(arguments[1])) if table else None
    if column is None:
        return None
    return {
        "isidentity": int(column.identity is not None),
        "iscomputed": int(column.computed is not None),
        "allowsnull": int(column.nullable),
    }.get(str(arguments[2]).lower())


def _schema_id(translation: Translation, arguments: _Arguments) -> int | None:
    name = str(arguments[0] if arguments else "dbo").lower()
    known = {s.lower(): s for s in translation.session.schemas()}
    return schema_id(known[name]) if name in known else None


def _db_id(translation: Translation, arguments: _Arguments) -> int | None:
    engine = translation.session.engine
    name = str(arguments[0] if arguments else translation.session.database).lower()
    return list(engine.databases).index(name) + 1 if name in engine.databases else None


def _db_name(translation: Translation, arguments: _Arguments) -> str | None:
    names = [d.name for d in translation.session.engine.databases.values()]
    if not arguments:
        return translation.session.database
    return dict(enumerate(names, 1)).get(int(arguments[0]))


def _xact_state(translation: Translation, _: _Arguments) -> int:
    transaction = translation.session.transaction
    return -1 if transaction.doomed else int(transaction.count > 0)


def _applock_mode(translation: Translation, arguments: _Arguments) -> str:
    session = translation.session
    scope = str(arguments[2]).lower()
    resource = f"app:{session.database}:{arguments[1]}"
    mode = session.engine.locks.mode(
        session.transaction, resource, "session" if scope == "session" else "transaction"
    )
    return {"exclusive": "Exclusive", "shared": "Shared"}.get(mode or "", "NoLock")


def _has_permission(translation: Translation, arguments: _Arguments) -> int | None:
    name, kind, permission = (str(a) if a is not None else None for a in arguments[:3])
    user = translation.session.user
    if name is None or (kind or "").upper() in {"DATABASE", "SCHEMA"}:
        return int(allowed(user, (permission or "").upper(), None, name or ""))
    table = translation.session.find(split_name(name))
    return int(allowed(user, (permission or "").upper(), table)) if table else None


def _error(attribute: str) -> Callable[[Translation, _Arguments], Any]:
    def value(translation: Translation, _: _Arguments) -> Any:
        caught = translation.session.options.caught
        return getattr(caught, attribute) if caught else None

    return value


def _user_name(translation: Translation, _: _Arguments) -> str:
    user = translation.session.user
    return user.name if user else "dbo"


CONSTANTS: dict[str, Callable[[Translation, _Arguments], Any]] = {
    "object_id": _object_id,
    "col_length": _col_length,
    "columnproperty": _column_property,
    "schema_id": _schema_id,
    "db_id": _db_id,
    "db_name": _db_name,
    "xact_state": _xact_state,
    "applock_mode": _applock_mode,
    "has_perms_by_name": _has_permission,
    "error_number": _error("number"),
    "error_message": _error("message"),
    "error_severity": _error("severity"),
    "error_state": _error("state"),
    "error_line": lambda t, _: 1 if t.session.options.caught else None,
    "error_procedure": lambda _t, _a: None,
    "scope_identity": lambda t, _: t.session.options.identity,
    "rowcount_big": lambda t, _: t.session.options.rowcount,
    "serverproperty": lambda _, a: SERVER_PROPERTIES.get(str(a[0]).lower()),
    "databasepropertyex": lambda _t, _a: DEFAULT_COLLATION,
    "suser_sname": lambda t, _: t.session.login.name,
    "suser_name": lambda t, _: t.session.login.name,
    "original_login": lambda t, _: t.session.login.name,
    "user_name": _user_name,
    "host_name": lambda _t, _a: "client",
    "app_name": lambda _t, _a: "client",
    "connectionproperty": lambda _t, _a: "TCP",
    "has_dbaccess": lambda t, a: int(t.session.login.may_open(str(a[0]).lower())),
    "is_srvrolemember": lambda t, _: int(t.session.login.administrator),
    "is_member": lambda t, _: int(t.session.login.administrator),
    "is_rolemember": lambda t, _: int(t.session.login.administrator),
}

_SCHEMA_IDS = {"dbo": 1, "guest": 2, "INFORMATION_SCHEMA": 3, "sys": 4}


_NAMES: dict[str, Callable[[Translation], Mapping[int, str]]] = {
    "schema_name": lambda _: {number: name for name, number in _SCHEMA_IDS.items()},
    "object_name": lambda t: {o.object_id: o.name for o in t.session.tables()},
    "object_schema_name": lambda t: {o.object_id: o.schema for o in t.session.tables()},
}


def schema_id(name: str) -> int:
    """Return the number of a schema; the same in every database."""
    known = {shown.lower(): number for shown, number in _SCHEMA_IDS.items()}
    return known.get(name.lower()) or _SCHEMA_IDS.setdefault(name, len(_SCHEMA_IDS) + 1)
