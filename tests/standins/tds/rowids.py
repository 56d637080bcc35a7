"""UPDATE and DELETE with FROM, TOP or a common table expression, by row numbers of DuckDB."""

import sqlglot
from sqlglot import exp

from standins.tds.catalog import Table
from standins.tds.insertion import check_assignments
from standins.tds.lexer import quote

_ROW = "__row"


def update_by_row(tree: exp.Update, target: Table, top: str) -> None:
    """Make UPDATE .. FROM join on the rows that its FROM finds."""
    source = tree.args.get("from_")
    for assignment in tree.expressions:
        if isinstance(assignment.this, exp.Column):
            assignment.this.set("table", None)
            assignment.this.set("db", None)
    check_assignments(tree.expressions, target)
    if not source and not top:
        _name(tree.this, target)
        return
    source = source or exp.From(this=tree.this.copy())
    real = _named_in(source, tree.this) or tree.this
    inner = _rows(real, source, tree, top)
    if not top:
        inner.set("distinct", exp.Distinct(on=exp.Tuple(expressions=[exp.column(_ROW)])))
    for at, assignment in enumerate(tree.expressions):
        inner.append("expressions", exp.alias_(assignment.expression.copy(), f"__value{at}"))
        assignment.set("expression", exp.column(f"__value{at}", table="__found"))
    plain = _plain(target)
    found = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("__found")))
    tree.set("this", plain)
    tree.set("from_", exp.From(this=found))
    condition = f"{quote(plain.name)}.rowid = __found.{_ROW}"
    tree.set("where", exp.Where(this=sqlglot.parse_one(condition, read="duckdb")))


def delete_by_row(tree: exp.Delete, target: Table, top: str) -> None:
    """Make DELETE with FROM, TOP or from a common table expression delete the rows found."""
    named, base = tree.args.get("tables"), tree.this
    written = tree.args.get("with_")
    common = written.expressions if written else []
    inner_table = next((c for c in common if c.alias.lower() == base.name.lower()), None)
    if inner_table is not None and written is not None:
        inner = _rows_of_common(tree, inner_table, written)
    elif named or base.args.get("joins") or top:
        wanted = named[0] if named else base
        source = exp.From(this=base.copy())
        real = _named_in(source, wanted) or base
        inner = _rows(real, source, tree, top)
    else:
        _name(base, target)
        return
    tree.set("tables", None)
    tree.set("this", _plain(target))
    query = exp.Subquery(this=inner)
    tree.set("where", exp.Where(this=exp.In(this=exp.column("rowid"), query=query)))


def _rows(real: exp.Expr, source: exp.From, tree: exp.Expr, top: str) -> exp.Select:
    alias = exp.to_identifier(real.alias_or_name, quoted=True)
    row = exp.alias_(exp.column("rowid", table=alias), _ROW)
    inner = exp.Select(expressions=[row])
    inner.set("from_", source.copy())
    if tree.args.get("where"):
        inner.set("where", tree.args["where"].copy())
    if tree.args.get("joins"):
        inner.set("joins", [j.copy() for j in tree.args["joins"]])
    return inner.limit(int(top)) if top else inner


def _rows_of_common(tree: exp.Delete, common: exp.CTE, written: exp.With) -> exp.Select:
    real = common.this.args["from_"].this
    alias = exp.to_identifier(real.alias_or_name, quoted=True)
    common.this.append("expressions", exp.alias_(exp.column("rowid", table=alias), _ROW))
    inner = exp.Select(expressions=[exp.column(_ROW)])
    inner.set("from_", exp.From(this=tree.this.copy()))
    if tree.args.get("where"):
        inner.set("where", tree.args["where"].copy())
    inner.set("with_", written.copy())
    tree.set("with_", None)
    return inner


def _named_in(source: exp.From, wanted: exp.Expr) -> exp.Table | None:
    """Return the table of FROM that an alias or a name means."""
    tables = list(source.find_all(exp.Table))
    name = wanted.name.lower()
    by_alias = (t for t in tables if t.alias.lower() == name and not wanted.args.get("db"))
    by_name = (t for t in tables if t.name.lower() == name)
    return next(by_alias, None) or next(by_name, None)


def _plain(target: Table) -> exp.Table:
    name = exp.to_identifier(target.name, quoted=True)
    if target.is_temporary:
        return exp.Table(this=name)
    return exp.Table(
        this=name,
        db=exp.to_identifier(target.schema, quoted=True),
        catalog=exp.to_identifier(target.database, quoted=True),
    )


def _name(table: exp.Expr, target: Table) -> None:
    plain = _plain(target)
    for part in ("this", "db", "catalog"):
        table.set(part, plain.args.get(part))
