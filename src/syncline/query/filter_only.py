"""Where columns may stand that a source takes as filters but does not return. Pure."""

from collections.abc import Collection, Sequence

from sqlglot import exp

from syncline.model.table import Filter, Operator, Predicate, Table
from syncline.query.names import reference_of
from syncline.query.pointing import Refuse


def check_filter_only(
    query: exp.Query,
    node: exp.Table,
    table: Table,
    *,
    predicates: Sequence[Predicate],
    consumed: Collection[int],
    refuse: Refuse,
) -> None:
    """Refuse filter-only columns of one occurrence of a table where no value of theirs is known.

    ``predicates``: what the source is asked for. A column that it is asked to be equal to one
    value has it in every row, and may stand anywhere; another may only be shown, as NULL.
    ``consumed``: identities of the column nodes of conditions that the source answers.

    Raises:
        QueryError: pointing at the column.
    """
    known: set[str] = set()
    for name in table.filter_only:
        asked = {p for p in predicates if p.column == name}
        if len(asked) > 1:
            raise refuse(
                f"{name} can have one value only",
                node,
                hint=f"write {_form(name, table.filters.get(name))} once",
            )
        if any(p.operator is Operator.EQ for p in asked):
            known.add(name)
    reference = reference_of(node)
    for column in query.find_all(exp.Column):
        if reference_of(column) != reference or column.name not in table.filter_only - known:
            continue
        if id(column) not in consumed and not _is_merely_shown(column):
            raise _misplaced(column, table, refuse)


def _misplaced(column: exp.Column, table: Table, refuse: Refuse) -> Exception:
    name = column.name
    form = _form(name, table.filters.get(name))
    if _wants_several(column):
        return refuse(
            f"{name} can have one value only: {table.name} takes no list of them",
            column,
            hint=f"write {form}, or leave the condition out; make a query of each value",
        )
    return refuse(
        f"{name} can only be used to filter {table.name}: "
        "the source takes it, but its rows do not have it",
        column,
        hint=f"write {form} as a condition of its own in WHERE, joined by AND",
    )


def _form(name: str, declared: Filter | None) -> str:
    several = declared is not None and Operator.IN in declared.operators
    return f"{name} = value or {name} IN (values)" if several else f"{name} = value"


def _is_merely_shown(column: exp.Column) -> bool:
    """Say whether a column stands as it is in the list of a SELECT that nothing else reads."""
    node: exp.Expr = column
    while isinstance(node.parent, exp.Paren | exp.Alias):
        node = node.parent
    select = node.parent
    if not isinstance(select, exp.Select) or node.arg_key != "expressions":
        return False
    outer = select.parent
    while isinstance(outer, exp.SetOperation) and not outer.args.get("distinct"):
        outer = outer.parent
    return outer is None


def _wants_several(column: exp.Column) -> bool:
    """Say whether a column is compared with a list of values, by IN or by OR."""
    parent = column.parent
    if isinstance(parent, exp.In):
        return parent.this is column
    either = column.find_ancestor(exp.Or)
    return either is not None and all(
        isinstance(part.unnest(), exp.EQ)
        and any(c.name == column.name for c in part.find_all(exp.Column))
        for part in either.flatten()
    )
