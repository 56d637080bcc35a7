"""T-SQL trees of sqlglot as DuckDB trees."""

import re
from collections.abc import Callable, Iterable, Sequence

import sqlglot
from sqlglot import exp

from standins.tds import collation, functions
from standins.tds.catalog import Table
from standins.tds.errors import ServerError, unsupported
from standins.tds.lexer import Token, tokenize
from standins.tds.native import invalid_object
from standins.tds.render import OWN_PREFIX, render
from standins.tds.session import Session
from standins.tds.sqltypes import SqlType
from standins.tds.translation import Translation, data_type, own_name, table_parts

_SYSTEM = frozenset({"sys", "information_schema"})
_DIALECT = "tsql"
_COMPARISONS = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_WHOLE = frozenset({"tinyint", "smallint", "int"})
CODE_PAGE = frozenset({"varchar", "char"})
_INTEGERS = _WHOLE | {"bigint"}
_INEXACT = frozenset({"decimal", "numeric", "float", "real"})
_DATED = {
    121: "%Y-%m-%d %H:%M:%S.%f",
    25: "%Y-%m-%d %H:%M:%S.%f",
    126: "%Y-%m-%dT%H:%M:%S.%f",
    127: "%Y-%m-%dT%H:%M:%S.%fZ",
    120: "%Y-%m-%d %H:%M:%S",
    23: "%Y-%m-%d",
    112: "%Y%m%d",
}


def parse(session: Session, text: str) -> exp.Expr:
    """Return T-SQL text as a tree of sqlglot. Raises 102."""

    def read() -> exp.Expr:
        try:
            return sqlglot.parse_one(text, read=_DIALECT)
        except sqlglot.errors.SqlglotError as error:
            near = re.search(r"\x1b\[4m(.*?)\x1b", str(error))
            raise ServerError(102, f"Incorrect syntax near '{near[1] if near else ''}'.") from None

    return session.engine.parsed.get(text, read).copy()


def parse_tokens(session: Session, tokens: Sequence[Token]) -> exp.Expr:
    """Return tokens of T-SQL as a tree of sqlglot. Raises 102."""
    return parse(session, render(tokens).rstrip(" ;"))


def constant(session: Session, text: str, scope: dict[str, Table] | None = None) -> str:
    """Return a T-SQL expression that is kept (a default, a check) as DuckDB text."""
    tree = parse_tokens(session, tokenize("SELECT " + text))
    translation = Translation(session=session, scope=scope or {}, constant=True)
    return duckdb_text(translate(tree, translation).expressions[0])


def scope_of(session: Session, tree: exp.Expr) -> dict[str, Table]:
    """Return the tables of a statement by their aliases. Raises 208."""
    found = {}
    inner = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db.lower() in _SYSTEM:
            continue
        if table.db or table.name.lower() not in inner:
            parts = table_parts(table)
            known = session.find(parts)
            if known:
                found[table.alias_or_name.lower()] = known
            elif isinstance(table.parent, exp.From | exp.Join):
                raise invalid_object(".".join(p for p in parts if p))
    return found


def duckdb_text(tree: exp.Expr) -> str:
    """Return a translated tree as text; the tree is of no use afterwards."""
    return str(tree.sql(dialect="duckdb", copy=False))


def translate(tree: exp.Expr, translation: Translation) -> exp.Expr:
    """Return the tree with everything in DuckDB's words."""
    inner = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    return _Walk(translation, inner).walk(tree)


class _Walk:
    def __init__(self, translation: Translation, inner: Iterable[str]) -> None:
        self._translation = translation
        self._inner = frozenset(inner)
        self._visitors: dict[type, Callable[..., exp.Expr]] = {
            exp.Identifier: _identifier,
            exp.Table: self._table,
            exp.Parameter: lambda e: functions.parameter(e.name, translation),
            exp.Add: self._add,
            exp.National: lambda e: exp.Literal.string(e.name),
            exp.DataType: _type,
            exp.CurrentTimestamp: lambda _: functions.now(translation),
            exp.Anonymous: self._anonymous,
            exp.Collate: collation.collate,
            exp.AtTimeZone: self._zone,
            exp.Count: _as_integer,
            exp.Sum: self._sum,
            exp.Avg: self._average,
            exp.Window: self._window,
            exp.Except: lambda e: collation.combine(e, translation),
            exp.Intersect: lambda e: collation.combine(e, translation),
            exp.In: lambda e: collation.contain(e, translation),
        }
        for kind in _COMPARISONS:
            self._visitors[kind] = lambda e: collation.compare(e, translation)

    def walk(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Convert):
            node = _convert(node)
        kind = data_type(node.to) if isinstance(node, exp.Cast | exp.TryCast) else None
        source = self._translation.type_of(node.this) if kind else None
        for child in list(node.iter_expressions()):
            changed = self.walk(child)
            if changed is not child:
                child.replace(changed)
        if kind:
            return _cast(node, kind, source)
        visitor = self._visitors.get(type(node))
        return visitor(node) if visitor else node

    def _table(self, table: exp.Table) -> exp.Expr:
        table.set("hints", None)
        if not isinstance(table.this, exp.Identifier):
            return table
        parts = table_parts(table)
        name = parts[-1].lower()
        space = parts[-2].lower() if len(parts) > 1 else ""
        if space in _SYSTEM:
            return self._system_view(table, space, parts)
        if parts[-1].startswith("#"):
            table.set("db", exp.to_identifier("main", quoted=True))
            table.set("catalog", exp.to_identifier("temp", quoted=True))
        elif len(parts) > 2:
            database = self._translation.session.engine.database(parts[-3])
            catalog = database.name if database else parts[-3]
            table.set("db", exp.to_identifier(parts[-2] or "dbo", quoted=True))
            table.set("catalog", exp.to_identifier(catalog, quoted=True))
        elif len(parts) == 1 and not parts[0].startswith("__") and name not in self._inner:
            table.set("db", exp.to_identifier("dbo", quoted=True))
        return table

    def _system_view(self, table: exp.Table, space: str, parts: Sequence[str]) -> exp.Table:
        view = f"{space}.{parts[-1].lower()}"
        shown = "__" + view.replace(".", "_")
        database = parts[-3] if len(parts) > 2 and parts[-3] else None
        self._translation.views[shown] = (view, database or self._translation.session.database)
        alias = table.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(parts[-1], quoted=True)
        )
        joins = table.args.get("joins")
        return exp.Table(this=exp.to_identifier(shown), alias=alias, joins=joins)

    def _add(self, node: exp.Add) -> exp.Expr:
        if self._translation.is_text(node.left) or self._translation.is_text(node.right):
            return exp.DPipe(this=node.left, expression=node.right)
        if self._translation.is_binary(node.left) and self._translation.is_binary(node.right):
            return exp.DPipe(this=node.left, expression=node.right)
        return node

    def _anonymous(self, node: exp.Anonymous) -> exp.Expr:
        if not node.name.lower().startswith(OWN_PREFIX):
            return node
        answer = functions.call(node, self._translation)
        if own_name(node) == "count_big" or not isinstance(node.parent, exp.Window):
            return answer
        raise unsupported(f"window over {own_name(node)}")

    def _sum(self, node: exp.Sum) -> exp.Expr:
        kind = self._translation.type_of(node.this)
        if kind and kind.name in _WHOLE:
            return _as_integer(node)
        return _as_integer(node, "BIGINT") if kind and kind.name == "bigint" else node

    def _average(self, node: exp.Avg) -> exp.Expr:
        kind = self._translation.type_of(node.this)
        if kind is None or kind.name not in _INTEGERS:
            return node
        whole = exp.Anonymous(this="trunc", expressions=[node.copy()])
        return _as_integer(whole, "INTEGER" if kind.name in _WHOLE else "BIGINT", node.parent)

    def _zone(self, node: exp.AtTimeZone) -> exp.Expr:
        """An instant stays the same instant in another zone."""
        kind = self._translation.type_of(node.this)
        return node.this if kind and kind.name == "datetimeoffset" else node

    def _window(self, node: exp.Window) -> exp.Expr:
        if isinstance(node.this, exp.Count | exp.RowNumber):
            return _as_integer(node, "BIGINT" if isinstance(node.this, exp.RowNumber) else None)
        order = node.args.get("partition_by") or []
        node.set(
            "partition_by",
            [collation.comparable(e) if self._translation.is_text(e) else e for e in order] or None,
        )
        return node


def _as_integer(
    node: exp.Expr, kind: str | None = None, parent: exp.Expr | None = None
) -> exp.Expr:
    if isinstance(parent or node.parent, exp.Window):
        return node
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind or "INTEGER", dialect="duckdb"))


def _identifier(node: exp.Identifier) -> exp.Expr:
    if node.name and not node.args.get("quoted") and not node.name.startswith("__"):
        node.set("quoted", True)
        if node.args.get("temporary"):
            return exp.to_identifier("#" + node.name, quoted=True)
    return node


def _type(node: exp.DataType) -> exp.Expr:
    return exp.DataType.build(data_type(node).duckdb, dialect="duckdb", udt=False)


def _cast(node: exp.Expr, kind: SqlType, source: SqlType | None) -> exp.Expr:
    node.set("to", exp.DataType.build(kind.duckdb, dialect="duckdb", udt=False))
    value = node.this
    if kind.is_text and source and source.name == "bit":
        whole = exp.DataType.build("INTEGER", dialect="duckdb")
        node.set("this", exp.Cast(this=value.copy(), to=whole))
    if kind.name in {"varbinary", "binary"} and source and source.is_text:
        kinds = "encode" if source.name in {"varchar", "char"} else "tds_utf16"
        node.set("this", exp.Anonymous(this=kinds, expressions=[value.copy()]))
    if kind.name in _INTEGERS and source and source.name in _INEXACT:
        # DuckDB rounds where T-SQL cuts off.
        node.set("this", exp.Anonymous(this="trunc", expressions=[value.copy()]))
    if kind.name in CODE_PAGE:
        # What the code page lacks is lost.
        node = in_code_page(node.copy())
    if kind.is_text and kind.length > 0:
        length = exp.Literal.number(kind.length)
        cut = exp.Anonymous(this="left", expressions=[node.copy(), length])
        cut.meta["tds_type"] = kind
        return cut
    node.meta["tds_type"] = kind
    return node


def in_code_page(node: exp.Expr) -> exp.Expr:
    """Return a text with question marks for what varchar cannot hold."""
    return exp.Anonymous(this="tds_code_page", expressions=[node])


def _convert(node: exp.Convert) -> exp.Expr:
    """CONVERT as CAST, with the styles that loaders use."""
    kind, value = data_type(node.this), node.expression
    style = node.args.get("style")
    number = int(style.name) if isinstance(style, exp.Literal) else 0
    if kind.is_text and number in _DATED:
        text = f"strftime({value.sql(dialect=_DIALECT)}, '{_DATED[number]}')"
        value = sqlglot.parse_one(text, read="duckdb")
    elif kind.is_text and number in {1, 2}:
        prefix = exp.Literal.string("0x" if number == 1 else "")
        written = exp.Anonymous(this="hex", expressions=[value.copy()])
        value = exp.DPipe(this=prefix, expression=written)
    elif kind.name in {"varbinary", "binary"} and number in {1, 2}:
        digits = value.copy()
        if number == 1:
            digits = exp.Anonymous(this="substr", expressions=[digits, exp.Literal.number(3)])
        value = exp.Anonymous(this="unhex", expressions=[digits])
    make = exp.TryCast if node.args.get("safe") else exp.Cast
    return make(this=value.copy(), to=node.this.copy())
