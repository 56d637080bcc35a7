"""What INSERT and MERGE imply: columns, identity values, defaults; and what they must not do."""

from collections.abc import Sequence

from sqlglot import exp

from standins.tds.catalog import Column, Table
from standins.tds.errors import ServerError
from standins.tds.native import invalid_column
from standins.tds.session import Session

_ROWS = 1000


def complete_insert(session: Session, tree: exp.Insert, target: Table) -> bool:
    """Name the columns; return whether identity values are generated. Raises 544, 545, 271, .."""
    schema = tree.this
    table = schema.this if isinstance(schema, exp.Schema) else schema
    written = schema.expressions if isinstance(schema, exp.Schema) else []
    named = [c.name for c in written]
    _point_to(table, target)
    if isinstance(tree.expression, exp.Values):
        _check_values(tree.expression)
    keeps = session.options.identity_insert == target.object_id
    generates = _check_columns(target, named, keeps=keeps)
    if not named:
        if target.identity and keeps and tree.expression:
            raise _explicit_missing(target)
        columns = [c.name for c in target.written]
        if tree.expression and isinstance(tree.expression, exp.Values):
            _check_width(tree.expression, columns, 213)
    else:
        columns = [_known(target, name).name for name in named]
    if tree.expression:
        identifiers = [exp.to_identifier(name, quoted=True) for name in columns]
        tree.set("this", exp.Schema(this=table.copy(), expressions=identifiers))
    if isinstance(tree.expression, exp.Values) and named:
        _check_width(tree.expression, columns, 109)
    return generates


def complete_merge(session: Session, tree: exp.Merge, target: Table) -> bool:
    """Check the columns of a MERGE; return whether identity values are generated."""
    generates = False
    _point_to(tree.this, target)
    for when in tree.find_all(exp.When):
        action = when.args["then"]
        if isinstance(action, exp.Update):
            check_assignments(action.expressions, target)
            for assignment in action.expressions:
                assignment.this.set("table", None)
        elif isinstance(action, exp.Insert):
            named = [c.name for c in action.this.expressions] if action.this else []
            keeps = session.options.identity_insert == target.object_id
            generates = _check_columns(target, named, keeps=keeps) or generates
            for name in named:
                _known(target, name)
            if not named:
                names = [exp.to_identifier(c.name, quoted=True) for c in target.written]
                action.set("this", exp.Tuple(expressions=[exp.column(n) for n in names]))
    return generates


def check_assignments(assignments: Sequence[exp.Expr], target: Table) -> None:
    """Refuse SET of columns that are not there or cannot be set. Raises 207, 264, 271, 8102."""
    seen: set[str] = set()
    for assignment in assignments:
        if not isinstance(assignment.this, exp.Column):
            continue
        column = _known(target, assignment.this.name)
        if column.identity:
            raise ServerError(8102, f"Cannot update identity column '{column.name}'.")
        if column.computed:
            raise _computed(column)
        if column.name in seen:
            raise _twice(column.name)
        seen.add(column.name)


def _point_to(table: exp.Expr, target: Table) -> None:
    """Let the statement name the table itself: the name may have been a view's."""
    table.set("this", exp.to_identifier(target.name, quoted=True))
    if not target.is_temporary:
        table.set("db", exp.to_identifier(target.schema, quoted=True))
        table.set("catalog", exp.to_identifier(target.database, quoted=True))


def _known(target: Table, name: str) -> Column:
    column = target.column(name)
    if column is None:
        raise invalid_column(name)
    return column


def _check_columns(target: Table, named: Sequence[str], *, keeps: bool) -> bool:
    columns = [_known(target, name) for name in named]
    for at, column in enumerate(columns):
        if column.computed:
            raise _computed(column)
        if column in columns[:at]:
            raise _twice(column.name)
    if not target.identity:
        return False
    given = target.identity in columns
    if given and not keeps:
        raise ServerError(
            544, f"Cannot insert explicit value for identity column in table '{target.name}' when "
            "IDENTITY_INSERT is set to OFF."
        )  # fmt: skip
    if named and keeps and not given:
        raise _explicit_missing(target)
    return not given


def _explicit_missing(target: Table) -> ServerError:
    return ServerError(
        545, f"Explicit value must be specified for identity column in table '{target.name}' "
        "either when IDENTITY_INSERT is set to ON or when a replication user is inserting into a "
        "NOT FOR REPLICATION identity column."
    )  # fmt: skip


def _computed(column: Column) -> ServerError:
    return ServerError(
        271, f'The column "{column.name}" cannot be modified because it is either a computed '
        "column or is the result of a UNION operator."
    )  # fmt: skip


def _twice(name: str) -> ServerError:
    return ServerError(
        264, f"The column name '{name}' is specified more than once in the SET clause or column "
        "list of an INSERT. A column cannot be assigned more than one value in the same clause."
    )  # fmt: skip


def _check_values(values: exp.Values) -> None:
    if len(values.expressions) > _ROWS:
        raise ServerError(
            10738, "The number of row value expressions in the INSERT statement exceeds the "
            "maximum allowed number of 1000 row values."
        )  # fmt: skip


def _check_width(values: exp.Values, columns: Sequence[str], number: int) -> None:
    for row in values.expressions:
        given = len(row.expressions) if isinstance(row, exp.Tuple) else 1
        if given == len(columns):
            continue
        if number == 213:
            raise ServerError(
                213, "Column name or number of supplied values does not match table definition."
            )
        raise ServerError(
            109 if given < len(columns) else 110,
            f"There are {'more' if given < len(columns) else 'fewer'} columns in the INSERT "
            "statement than values specified in the VALUES clause. The number of values in the "
            "VALUES clause must match the number of columns specified in the INSERT statement.",
        )
