"""Which conditions of a query the source can answer itself. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from syncline.model.table import Operator, Predicate, Table, Value
from syncline.query.filter_only import check_filter_only
from syncline.query.functions import as_written
from syncline.query.literals import value_of
from syncline.query.names import TABLE, reference_of
from syncline.query.narrowing import narrowed
from syncline.query.pointing import Refuse

_OPERATORS: Mapping[type[exp.Expr], Operator] = {
    exp.EQ: Operator.EQ,
    exp.NEQ: Operator.NE,
    exp.LT: Operator.LT,
    exp.LTE: Operator.LE,
    exp.GT: Operator.GT,
    exp.GTE: Operator.GE,
}
_FLIPPED: Mapping[Operator, Operator] = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
#: What may be asked instead of an operator: it answers with a superset.
_WIDER: Mapping[Operator, tuple[Operator, ...]] = {
    Operator.GT: (Operator.GE,),
    Operator.LT: (Operator.LE,),
    Operator.EQ: (Operator.GE, Operator.LE),
}
#: Servers take addresses of 8,000 characters; half of that is for other parts of a request.
_LONGEST = 4_000
#: Characters of a parameter's name, before each value.
_NAME = 16
#: Characters of a condition in a note.
_READABLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One column of one occurrence of a table compared with constants."""

    reference: int
    column: exp.Column
    operator: Operator
    values: tuple[Value, ...]


@dataclass(slots=True, kw_only=True)
class Pushed:
    """What is asked of one occurrence of a table."""

    node: exp.Table
    table: Table
    predicates: list[Predicate] = field(default_factory=list)
    #: Conditions the source answers, and those it does not, in the user's words.
    answered: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    #: Conditions that are too long for a request.
    long: list[str] = field(default_factory=list)
    #: Every condition is answered, and exactly.
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A condition where it stands."""

    condition: exp.Expr
    #: Occurrences of tables whose rows may be left out if they fail it.
    reachable: frozenset[int]
    #: Nothing changes without it once the source has left out the rows that fail it.
    dispensable: bool


def push(query: exp.Query, tables: Mapping[str, Table], refuse: Refuse) -> dict[int, Pushed]:
    """Return what to ask of every occurrence of a table, by its reference.

    The conditions also stay in the query: checking again is cheap, and a source that answers
    with a superset is then still right. Only a filter-only column that is asked for several
    values leaves it, since its rows cannot say which of them they have.

    Raises:
        QueryError: a filter-only column is used otherwise than as a filter; a table's required
            filter is missing.
    """
    pushed = {
        reference: Pushed(node=node, table=tables[node.meta[TABLE]])
        for node in query.find_all(exp.Table)
        if (reference := reference_of(node)) is not None
    }
    consumed: set[int] = set()
    for select in query.find_all(exp.Select):
        for place in _places(select):
            _push_condition(place, pushed, consumed)
    for item in pushed.values():
        check_filter_only(
            query,
            item.node,
            item.table,
            predicates=item.predicates,
            consumed=consumed,
            refuse=refuse,
        )
        _check_required(item, refuse)
        item.predicates, exact = narrowed(item.predicates)
        item.exact = item.exact and exact
    return pushed


def lasting(table: Table, predicates: Sequence[Predicate]) -> tuple[Predicate, ...]:
    """Return the predicates whose answer for a row can never change, or that must be given.

    With only these, a read of changes also sees the rows that left the query's filter.
    """
    return tuple(
        predicate
        for predicate in predicates
        if predicate.column in table.filter_only
        or predicate.column in table.primary_key
        or table.filters[predicate.column].required
    )


def conditions_of(condition: exp.Expr | None) -> list[exp.Expr]:
    """Return the AND-ed parts of a condition."""
    if condition is None:
        return []
    inner = condition.unnest()
    if isinstance(inner, exp.And):
        return [*conditions_of(inner.left), *conditions_of(inner.right)]
    return [inner]


def _places(select: exp.Select) -> Iterator[_Place]:
    """Yield every AND-ed condition of a SELECT with the tables that may be asked for it.

    A comparison with a constant is never true for NULL. So one in WHERE also rejects the rows
    that an outer join fills with NULL, and rows that fail it may be missing on either side. A
    condition of ON may be asked of the side that is filled with NULL, or of both sides of an
    inner join: rows that fail it there never meet a partner.
    """
    from_ = select.args.get("from_")
    joins: list[exp.Join] = select.args.get("joins") or []
    before = _direct(from_.this if from_ else None)
    everything = before | {r for join in joins for r in _direct(join.this)}
    # ASOF and POSITIONAL pair rows by their neighbours: leaving some out changes the pairs.
    if any(join.method for join in joins):
        everything = before = frozenset()
        joins = []
    where = select.args.get("where")
    inner = not any(join.side for join in joins)
    for condition in conditions_of(where.this if where else None):
        yield _Place(condition=condition, reachable=everything, dispensable=inner)
    for join in joins:
        joined = _direct(join.this)
        match (join.side, join.kind):
            case ("", "" | "INNER" | "CROSS"):
                reachable = before | joined
            case ("LEFT", "" | "OUTER"):
                reachable = joined
            case ("RIGHT", "" | "OUTER"):
                reachable = before
            case _:
                reachable = frozenset()
        for condition in conditions_of(join.args.get("on")):
            yield _Place(condition=condition, reachable=reachable, dispensable=True)
        before |= joined


def _direct(source: exp.Expr | None) -> frozenset[int]:
    reference = reference_of(source) if isinstance(source, exp.Table) else None
    return frozenset() if reference is None else frozenset({reference})


def _push_condition(place: _Place, pushed: Mapping[int, Pushed], consumed: set[int]) -> None:
    condition, text = place.condition, _in_words(place.condition, alone=len(pushed) == 1)
    columns = list(condition.find_all(exp.Column))
    read = list(_read(condition))
    if not read or any(c.reference not in place.reachable for c in read):
        owners = {r for c in columns if (r := reference_of(c)) is not None}
        for reference in owners & place.reachable:
            pushed[reference].exact = False
            if len(owners) == 1 and not condition.find(exp.Query):
                pushed[reference].unanswered.append(text)
        return
    item = pushed[read[0].reference]
    only = read[0].column.name in item.table.filter_only
    asked = [_ask(c, item.table) for c in read]
    if only and not _is_filter(read, asked, place):
        return
    for predicates, exact in asked:
        item.exact = item.exact and exact
        item.predicates += [p for p in predicates if p not in item.predicates]
    if any(predicates for predicates, _ in asked):
        item.answered.append(text)
        consumed.update(id(column) for column in columns)
    elif any(_is_long(c, item.table) for c in read):
        item.long.append(text)
    else:
        item.unanswered.append(text)
    if only and asked[0][0][0].operator is not Operator.EQ:
        _drop(condition)


def _drop(condition: exp.Expr) -> None:
    """Take an AND-ed condition out of the query."""
    while isinstance(condition.parent, exp.Paren):
        condition = condition.parent
    parent = condition.parent
    if isinstance(parent, exp.And):
        parent.replace(parent.right if parent.left is condition else parent.left)
    elif isinstance(parent, exp.Where) and parent.parent is not None:
        parent.parent.set("where", None)
    else:
        condition.replace(exp.true())


def _in_words(condition: exp.Expr, *, alone: bool) -> str:
    """Return a condition as SQL; of a query of one table without its name at every column."""
    if not alone:
        return _shortened(as_written(condition))
    copy = condition.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
    return _shortened(as_written(copy))


def _shortened(text: str) -> str:
    return text if len(text) <= _READABLE else f"{text[:_READABLE]} …"


def _is_filter(
    read: Sequence[Condition],
    asked: Sequence[tuple[Sequence[Predicate], bool]],
    place: _Place,
) -> bool:
    """Say whether a condition on a filter-only column is one the source answers whole."""
    if len(read) != 1 or len(asked[0][0]) != 1:
        return False
    operator = asked[0][0][0].operator
    return operator is Operator.EQ or (operator is Operator.IN and place.dispensable)


def _read(condition: exp.Expr) -> Iterator[Condition]:
    """Yield the comparisons that a condition is; nothing if it is of another form."""
    match condition:
        case exp.Column() if condition.is_type(exp.DType.BOOLEAN):
            yield from _compared(condition, Operator.EQ, [exp.true()])
        case exp.Not(this=exp.Column()) if condition.this.is_type(exp.DType.BOOLEAN):
            yield from _compared(condition.this, Operator.EQ, [exp.false()])
        case exp.Not() if isinstance(condition.this.unnest(), exp.EQ):
            yield from _binary(condition.this.unnest(), Operator.NE)
        case exp.Is(expression=exp.Boolean()):
            yield from _compared(condition.this, Operator.EQ, [condition.expression])
        case exp.Between():
            yield from _compared(condition.this, Operator.GE, [condition.args["low"]])
            yield from _compared(condition.this, Operator.LE, [condition.args["high"]])
        case exp.In() if condition.expressions:
            yield from _compared(condition.this, Operator.IN, condition.expressions)
        case exp.Or():
            yield from _either(condition)
        case exp.Binary() if type(condition) in _OPERATORS:
            yield from _binary(condition, _OPERATORS[type(condition)])


def _binary(condition: exp.Binary, operator: Operator) -> Iterator[Condition]:
    yield from _compared(condition.left, operator, [condition.right])
    yield from _compared(condition.right, _FLIPPED.get(operator, operator), [condition.left])


def _compared(
    column: exp.Expr, operator: Operator, constants: Sequence[exp.Expr]
) -> Iterator[Condition]:
    column = column.unnest()
    if not isinstance(column, exp.Column) or (reference := reference_of(column)) is None:
        return
    values = [value_of(constant) for constant in constants]
    if any(value is None or not _fits(column, value) for value in values):
        return
    known = tuple(dict.fromkeys(value for value in values if value is not None))
    if operator is Operator.NE and isinstance(known[0], bool):
        # Of two values, not the one is the other; NULL is neither.
        operator, known = Operator.EQ, (not known[0],)
    yield Condition(reference=reference, column=column, operator=operator, values=known)


def _fits(column: exp.Column, value: Value) -> bool:
    """Say whether a value is of the column's type, so that the source compares as we do."""
    if column.is_type(*exp.DataType.TEXT_TYPES):
        return isinstance(value, str)
    if column.is_type(*exp.DataType.INTEGER_TYPES):
        return isinstance(value, int) and not isinstance(value, bool)
    if column.is_type(exp.DType.DATE):
        # A date compared with a time of day is compared as a timestamp.
        return isinstance(value, str) and "T" not in value
    return True


def _either(condition: exp.Or) -> Iterator[Condition]:
    """Read ``a = 1 OR a = 2`` as ``a IN (1, 2)``."""
    parts = [list(_read(part.unnest())) for part in condition.flatten()]
    found = [part[0] for part in parts if len(part) == 1]
    same = {(c.reference, c.column.name) for c in found}
    equal = all(c.operator in {Operator.EQ, Operator.IN} for c in found)
    if len(found) == len(parts) and len(same) == 1 and equal:
        values = tuple(dict.fromkeys(value for c in found for value in c.values))
        yield Condition(
            reference=found[0].reference,
            column=found[0].column,
            operator=Operator.IN,
            values=values,
        )


def _ask(condition: Condition, table: Table) -> tuple[list[Predicate], bool]:
    """Return the predicates that stand for a condition, and whether their answer is exact."""
    name = condition.column.name
    declared = table.filters.get(name)
    if declared is None:
        return [], False
    operator, values = condition.operator, condition.values
    if _is_long(condition, table):
        return [], False
    if operator is Operator.IN and len(values) == 1:
        operator = Operator.EQ
    if operator in declared.operators:
        return [Predicate(column=name, operator=operator, values=values)], declared.exact
    if operator is Operator.EQ and Operator.IN in declared.operators:
        return [Predicate(column=name, operator=Operator.IN, values=values)], declared.exact
    wider = [o for o in _WIDER.get(operator, ()) if o in declared.operators]
    return [Predicate(column=name, operator=o, values=values) for o in wider], False


def _is_long(condition: Condition, table: Table) -> bool:
    """Say whether a list of values had better be compared here than sent."""
    declared = table.filters.get(condition.column.name)
    if declared is None or declared.required or condition.column.name in table.filter_only:
        return False
    return sum(len(str(value)) + _NAME for value in condition.values) > _LONGEST


def _check_required(item: Pushed, refuse: Refuse) -> None:
    given = {predicate.column for predicate in item.predicates}
    for name, declared in item.table.filters.items():
        if declared.required and name not in given:
            allowed = " or ".join(f"{name} {operator} …" for operator in sorted(declared.operators))
            raise refuse(
                f"{item.table.name} can only be read with a filter on {name}",
                item.node,
                hint=f"add {allowed} to WHERE, joined by AND",
            )
