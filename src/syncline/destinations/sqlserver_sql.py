"""Queries and changes of rows as T-SQL that means exactly what the expression says.

sqlglot writes the dialect; what is mended here is where SQL Server reads something else. Text is
compared by the collation of its columns, which takes 'a' and 'A' for one key, and 'a' and 'a '
always; there are no booleans; IS DISTINCT FROM is too new; a text literal without N loses what
its code page lacks.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

from syncline.destinations.sqlserver_types import BINARY_COLLATION, Column

#: The columns of a table by name in lower case; empty if it is not there.
Columns: TypeAlias = Callable[[exp.Table], Mapping[str, Column]]

_TARGET = "_syncline_target"
_FOUND, _VALUE = "_syncline_found", "_syncline_value"
_INSTANT = "DATETIMEOFFSET(6)"


def text_literal(text: str) -> str:
    """Return a Unicode text literal."""
    return "N'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a quoted identifier."""
    return "[" + name.replace("]", "]]") + "]"


def table_name(table: exp.Table) -> str:
    """Return a table's quoted name, with its schema."""
    return f"{quoted(table.db)}.{quoted(table.name)}" if table.db else quoted(table.name)


def render_rows(statement: exp.Expr, columns: Columns) -> str:
    """Return a query, INSERT, UPDATE or DELETE as T-SQL; every table has its schema.

    ``columns`` is asked only where the meaning of a comparison depends on types.
    """
    tree = statement.copy()
    facts = _Facts(tree, columns)
    _name_catalog(tree)
    _compare_exactly(tree, facts)
    _group_exactly(tree, facts)
    _spell_booleans(tree)
    _avoid_not_in(tree)
    _spell_literals(tree)
    if isinstance(tree, exp.Update):
        _alias_target(tree)
    return tree.sql(dialect="tsql")


class _Facts:
    """Finds the catalog's word on a column of a statement."""

    def __init__(self, tree: exp.Expr, columns: Columns) -> None:
        self._columns = columns
        self._tables = {t.alias_or_name.lower(): t for t in tree.find_all(exp.Table)}
        # The tree is changed while columns are looked up, so their places are noted before.
        self._places = {
            id(c): self._tables.get(c.table.lower()) if c.table else _nearest(c)
            for c in tree.find_all(exp.Column)
        }

    def of(self, column: exp.Expr) -> Column | None:
        """Return what is known of a column; None if it is not in a table that is there."""
        table = self._places.get(id(column))
        return self._columns(table).get(column.name.lower()) if table else None

    def is_target(self, column: exp.Expr) -> bool:
        """Say whether a column is of a table that goes by its own name."""
        table = self._places.get(id(column))
        return table is not None and not table.alias


def _nearest(column: exp.Column) -> exp.Table | None:
    scope = column.find_ancestor(exp.Select, exp.Delete, exp.Update)
    if isinstance(scope, exp.Select):
        source = scope.args.get("from_")
        return source.this if source and isinstance(source.this, exp.Table) else None
    return scope.this if scope and isinstance(scope.this, exp.Table) else None


def _name_catalog(tree: exp.Expr) -> None:
    """Spell INFORMATION_SCHEMA as a database with case-sensitive names has it."""
    for table in tree.find_all(exp.Table):
        if table.db.lower() != "information_schema":
            continue
        table.set("this", exp.to_identifier(table.name.upper()))
        table.set("db", exp.to_identifier(table.db.upper()))
        select = table.find_ancestor(exp.Select)
        for column in select.find_all(exp.Column) if select else ():
            if not column.this.quoted:
                column.set("this", exp.to_identifier(column.name.upper()))


def _compare_exactly(tree: exp.Expr, facts: _Facts) -> None:
    for equal in list(tree.find_all(exp.EQ)):
        assigns = isinstance(equal.parent, exp.Update) and equal.arg_key == "expressions"
        if not assigns and _columns_only(equal):
            equal.replace(_same(equal, facts))
    for same in list(tree.find_all(exp.NullSafeEQ)):
        left, right = _lists([same], facts)
        same.replace(exp.Exists(this=exp.intersect(left, right, distinct=True)))
    while (differs := tree.find(exp.NullSafeNEQ)) is not None:
        whole = _alternatives(differs)
        parts = list(whole.flatten()) if isinstance(whole, exp.Or) else [whole]
        columns: list[exp.Binary] = [p for p in parts if isinstance(p, exp.NullSafeNEQ)]
        others = [p for p in parts if not isinstance(p, exp.NullSafeNEQ)]
        left, right = _lists(columns, facts)
        found = exp.Exists(this=exp.except_(left, right, distinct=True))
        whole.replace(exp.or_(found, *others, wrap=False) if others else found)


def _alternatives(condition: exp.Expr) -> exp.Expr:
    """Return the whole OR that a condition is a direct part of."""
    while isinstance(condition.parent, exp.Or):
        condition = condition.parent
    return condition


def _columns_only(pair: exp.Binary) -> bool:
    return isinstance(pair.left, exp.Column) and isinstance(pair.right, exp.Column)


def _same(pair: exp.Binary, facts: _Facts) -> exp.Expr:
    """Return an equality of two columns that only equal bytes satisfy."""
    left, right = facts.of(pair.left), facts.of(pair.right)
    if left is None or right is None or not _need_care(left, right):
        return pair.copy()
    terms: list[exp.Expr] = []
    if left.is_text:
        here, there = _comparable(pair.left, left), _comparable(pair.right, right)
        binary = [c.collation == BINARY_COLLATION for c in (left, right)]
        bare_left = facts.is_target(pair.left)
        if not binary[0 if bare_left else 1]:
            # Implied by the next condition; it lets an index of the target be used.
            terms.append(_alike(here, there, left, right, bare_left=bare_left))
        # A column that is binary already stays bare, so that its index can be used.
        here = here if binary[0] else _collated(here)
        there = there if binary[1] else _collated(there)
        terms.append(exp.EQ(this=here.copy(), expression=there))
    else:
        terms.append(exp.EQ(this=pair.left.copy(), expression=pair.right.copy()))
    if not (left.is_padded or right.is_padded):
        lengths = [_length(pair.left, left, right), _length(pair.right, right, left)]
        terms.append(exp.EQ(this=lengths[0], expression=lengths[1]))
    return exp.and_(*terms, wrap=False)


def _alike(
    here: exp.Expr, there: exp.Expr, left: Column, right: Column, *, bare_left: bool
) -> exp.Expr:
    """Return an equality by the collation of the side that stays bare."""
    if left.collation != right.collation:
        if bare_left:
            there = _collated(there, left.collation or "DATABASE_DEFAULT")
        else:
            here = _collated(here, right.collation or "DATABASE_DEFAULT")
    return exp.EQ(this=here.copy(), expression=there.copy())


def _lists(pairs: list[exp.Binary], facts: _Facts) -> tuple[exp.Select, exp.Select]:
    """Return two SELECTs whose rows are the same only if all pairs are, NULLs included."""
    left: list[exp.Expr] = []
    right: list[exp.Expr] = []
    for pair in pairs:
        here, there = facts.of(pair.left), facts.of(pair.right)
        if here is None or there is None or not _need_care(here, there):
            left.append(pair.left.copy())
            right.append(pair.right.copy())
            continue
        padded = here.is_padded or there.is_padded
        left += _exact(pair.left, here, there, padded=padded)
        right += _exact(pair.right, there, here, padded=padded)
    return exp.select(*left), exp.select(*right)


def _group_exactly(tree: exp.Expr, facts: _Facts) -> None:
    for group in tree.find_all(exp.Group):
        terms: list[exp.Expr] = []
        for term in group.expressions:
            fact = facts.of(term)
            if fact is None or not _need_care(fact, fact):
                terms.append(term)
            else:
                terms += _exact(term, fact, fact, padded=fact.is_padded)
        group.set("expressions", terms)


def _need_care(left: Column, right: Column) -> bool:
    return (left.is_text and right.is_text) or (left.is_binary and right.is_binary)


def _exact(column: exp.Expr, fact: Column, other: Column, *, padded: bool) -> list[exp.Expr]:
    """Return expressions that are equal only for equal values: comparisons pad with blanks."""
    value = _comparable(column, fact)
    if fact.is_text:
        value = _collated(value)
    return [value] if padded else [value, _length(column, fact, other)]


def _length(column: exp.Expr, fact: Column, other: Column) -> exp.Expr:
    value = _comparable(column, fact)
    if fact.is_text and fact.is_wide != other.is_wide and not fact.is_wide:
        value = _cast(column, "NVARCHAR(MAX)")
    return exp.func("DATALENGTH", value)


def _comparable(column: exp.Expr, fact: Column) -> exp.Expr:
    if not fact.is_incomparable:
        return column.copy()
    return _cast(column, "VARBINARY(MAX)" if fact.is_binary else "NVARCHAR(MAX)")


def _cast(column: exp.Expr, kind: str) -> exp.Expr:
    return exp.Cast(this=column.copy(), to=exp.DataType.build(kind, dialect="tsql"))


def _collated(value: exp.Expr, collation: str = BINARY_COLLATION) -> exp.Expr:
    return exp.Collate(this=value.copy(), expression=exp.Var(this=collation))


def _spell_booleans(tree: exp.Expr) -> None:
    """Make a condition of each bit column that stands where a condition is needed."""
    for column in list(tree.find_all(exp.Column)):
        place = column.parent
        if isinstance(place, exp.Not):
            place.replace(exp.EQ(this=column.copy(), expression=exp.Literal.number(0)))
        elif isinstance(place, exp.Where | exp.And | exp.Or) or column.arg_key == "on":
            column.replace(exp.EQ(this=column.copy(), expression=exp.Literal.number(1)))


def _avoid_not_in(tree: exp.Expr) -> None:
    """Say NOT IN as NOT EXISTS: NOT IN over columns that may be NULL is quadratic.

    Unlike NOT IN, NULLs in the list are passed over.
    """
    for negation in list(tree.find_all(exp.Not)):
        within = negation.this
        if not isinstance(within, exp.In) or not within.args.get("query"):
            continue
        asked = within.this.copy()
        outer = negation.find_ancestor(exp.Delete, exp.Select)
        if isinstance(outer, exp.Delete) and not asked.table:
            asked.set("table", exp.to_identifier(outer.this.name, quoted=True))
        query = within.args["query"].this.copy()
        query.set("expressions", [exp.alias_(query.expressions[0], _VALUE, quoted=True)])
        value = exp.column(
            exp.to_identifier(_VALUE, quoted=True), table=exp.to_identifier(_FOUND, quoted=True)
        )
        found = (
            exp.select("1")
            .from_(query.subquery(exp.to_identifier(_FOUND, quoted=True)))
            .where(exp.EQ(this=value, expression=asked))
        )
        there = exp.Not(this=exp.Is(this=asked.copy(), expression=exp.null()))
        negation.replace(exp.and_(there, exp.Not(this=exp.Exists(this=found))))


def _spell_literals(tree: exp.Expr) -> None:
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_string:
            literal.replace(exp.National(this=literal.name))
    for kind in list(tree.find_all(exp.DataType)):
        if kind.this is exp.DataType.Type.TIMESTAMPTZ and not kind.expressions:
            kind.replace(exp.DataType.build(_INSTANT, dialect="tsql"))
    for length in list(tree.find_all(exp.Length)):
        # LEN leaves blanks at the end out.
        size = exp.func("DATALENGTH", length.this.copy())
        length.replace(exp.Div(this=size, expression=exp.Literal.number(2), typed=True))
    for count in tree.find_all(exp.Count):
        # COUNT is an int, which a large table is too large for.
        count.set("big_int", True)


def _alias_target(update: exp.Update) -> None:
    """Give the target an alias, so that its columns are named in two parts."""
    target, source = update.this, update.args.get("from_")
    name = target.name.lower()
    for column in update.find_all(exp.Column):
        if column.table.lower() == name:
            column.set("table", exp.to_identifier(_TARGET, quoted=True))
    aliased = target.copy()
    aliased.set("alias", exp.TableAlias(this=exp.to_identifier(_TARGET, quoted=True)))
    if source:
        aliased.set("joins", [exp.Join(this=source.this.copy())])
    update.set("from_", exp.From(this=aliased))
    update.set("this", exp.table_(exp.to_identifier(_TARGET, quoted=True)))
