"""What is known while one statement is translated: tables, parameters, system views."""

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from standins.tds.catalog import Column, Table
from standins.tds.errors import ServerError
from standins.tds.lexer import word_set
from standins.tds.session import Session
from standins.tds.sqltypes import BINARY, INT, NVARCHAR_MAX, SqlType, parse_type
from standins.tds.system import system_value

_TEXT_FUNCTIONS = (
    exp.Concat,
    exp.ConcatWs,
    exp.Upper,
    exp.Lower,
    exp.Trim,
    exp.Substring,
    exp.Replace,
    exp.DPipe,
    exp.Left,
    exp.Right,
    exp.GroupConcat,
    exp.TimeToStr,
)
_OWN_TEXT = word_set(
    "quotename db_name str error_message space replicate nchar stuff schema_name object_name "
    "suser_sname suser_name user_name json_value type_name"
)
_DECIMAL = SqlType(name="decimal", precision=38, scale=9)
_MIXED = (exp.Add, exp.Coalesce, exp.Case, exp.If)
_NESTED = (exp.Paren, exp.Alias, exp.Max, exp.Min, exp.Collate)


@dataclass(slots=True)
class Translation:
    """One statement being translated.

    ``scope`` holds the tables by alias, ``parameters`` the values that DuckDB is to be given,
    ``views`` the system views that are to be there. ``dynamic``: the text depends on more than
    the statement. ``constant``: it is kept (a default), so the time must be asked for each time.
    """

    session: Session
    scope: dict[str, Table] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    views: dict[str, tuple[str, str]] = field(default_factory=dict)
    dynamic: bool = False
    constant: bool = False

    def variable(self, name: str) -> tuple[SqlType, Any]:
        """Return type and value of a variable or of an @@ value. Raises 137."""
        system = system_value(self.session, name)
        if system is not None:
            return system
        variable = self.session.variable(name)
        return variable.kind, variable.value

    def column(self, column: exp.Column) -> Column | None:
        """Return the definition of a column, if it is one of a table."""
        table = column.table.lower()
        for alias, known in self.scope.items():
            if not table or table == alias:
                found = known.column(column.name)
                if found:
                    return found
        return None

    def type_of(self, node: exp.Expr) -> SqlType | None:
        """Return the T-SQL type of an expression, as far as it is easily seen."""
        while isinstance(node, _NESTED):
            node = node.this
        if "tds_type" in node.meta:
            kept: SqlType = node.meta["tds_type"]
            return kept
        if _is_text(node):
            return NVARCHAR_MAX
        return self._type_of_part(node)

    def _type_of_part(self, node: exp.Expr) -> SqlType | None:
        if isinstance(node, exp.Cast | exp.TryCast):
            return _cast_type(node)
        if isinstance(node, exp.Parameter):
            return self.variable(node.name)[0]
        if isinstance(node, exp.Column):
            found = self.column(node)
            return found.kind if found else None
        if isinstance(node, _MIXED):
            inner = [self.type_of(child) for child in node.iter_expressions()]
            return next((kind for kind in inner if kind and kind.is_text), None)
        return (INT if node.is_int else _DECIMAL) if isinstance(node, exp.Literal) else None

    def is_text(self, node: exp.Expr) -> bool:
        """Tell whether an expression is known to be a string."""
        kind = self.type_of(node)
        return bool(kind and kind.is_text)

    def is_binary(self, node: exp.Expr) -> bool:
        """Tell whether an expression is known to be binary."""
        kind = self.type_of(node)
        return bool(kind and kind.name in BINARY)


def own_name(node: exp.Expr) -> str:
    """Return the name of one of the server's own functions, in lower case, or nothing."""
    if isinstance(node, exp.Anonymous) and node.name.lower().startswith("tds_"):
        return str(node.name.lower()[4:])
    return ""


def _is_text(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal):
        return bool(node.is_string)
    if isinstance(node, (exp.National, *_TEXT_FUNCTIONS)):
        return True
    return own_name(node) in _OWN_TEXT


def _cast_type(node: exp.Cast) -> SqlType | None:
    try:
        return data_type(node.to)
    except ServerError:
        # A type that DuckDB has, made by the translation itself.
        return None


def data_type(node: exp.DataType) -> SqlType:
    """Return the T-SQL type of a cast. Raises 2715."""
    return parse_type(node.sql(dialect="tsql"), default_length=30)


def table_parts(table: exp.Table) -> list[str]:
    """Return the parts of a table's name as T-SQL has them."""
    temporary = isinstance(table.this, exp.Identifier) and table.this.args.get("temporary")
    name = table.name
    if temporary and not name.startswith("#"):
        name = "#" + name
    parts = [table.catalog] if table.catalog else []
    if table.db or table.catalog:
        parts.append(table.db)
    return [*parts, name]
