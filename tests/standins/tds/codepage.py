"""What is written to varchar columns loses the characters that their code page lacks."""

from sqlglot import exp

from standins.tds.catalog import Table
from standins.tds.translate import CODE_PAGE

_ROWS = "__written"


def fit_code_page(tree: exp.Expr, target: Table) -> None:
    """Cast what a statement writes to varchar columns; the tree is still T-SQL."""
    narrow = {c.name.lower() for c in target.columns if c.kind.name in CODE_PAGE}
    if not narrow:
        return
    if isinstance(tree, exp.Update):
        _assigned(tree, narrow)
    elif isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        _inserted(tree, [c.name.lower() in narrow for c in tree.this.expressions])
    elif isinstance(tree, exp.Merge):
        for when in tree.find_all(exp.When):
            action = when.args["then"]
            if isinstance(action, exp.Update):
                _assigned(action, narrow)
            elif isinstance(action, exp.Insert) and action.this and action.expression:
                marks = [c.name.lower() in narrow for c in action.this.expressions]
                _row(action.expression, marks)


def _assigned(update: exp.Update, narrow: set[str]) -> None:
    for assignment in update.expressions:
        if assignment.this.name.lower() in narrow:
            assignment.set("expression", _cast(assignment.expression))


def _inserted(insert: exp.Insert, marks: list[bool]) -> None:
    source = insert.expression
    if isinstance(source, exp.Values):
        for row in source.expressions:
            _row(row, marks)
    elif isinstance(source, exp.Query):
        names = [f"c{n}" for n in range(len(marks))]
        columns = [exp.column(n, quoted=True) for n in names]
        chosen = [_cast(c) if m else c for c, m in zip(columns, marks, strict=True)]
        alias = exp.TableAlias(
            this=exp.to_identifier(_ROWS),
            columns=[exp.to_identifier(n, quoted=True) for n in names],
        )
        inner = exp.Subquery(this=source.copy(), alias=alias)
        insert.set("expression", exp.select(*chosen).from_(inner))


def _row(row: exp.Expr, marks: list[bool]) -> None:
    if isinstance(row, exp.Tuple):
        cells = zip(row.expressions, marks, strict=False)
        row.set("expressions", [_cast(c) if m else c for c, m in cells])


def _cast(value: exp.Expr) -> exp.Expr:
    if isinstance(value, exp.Var) or value.name.upper() == "DEFAULT":
        return value
    kind = exp.DataType.build("VARCHAR(MAX)", dialect="tsql")
    return exp.Cast(this=value.copy(), to=kind)
