"""INSERT, UPDATE, DELETE and MERGE."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
from sqlglot import exp

from standins.tds import foreign
from standins.tds.catalog import Table
from standins.tds.codepage import fit_code_page
from standins.tds.errors import syntax_error, unsupported
from standins.tds.identity import after_insert, before_insert
from standins.tds.insertion import complete_insert, complete_merge
from standins.tds.lexer import Token, closing, joined
from standins.tds.permissions import demand
from standins.tds.render import render
from standins.tds.rowids import delete_by_row, update_by_row
from standins.tds.running import prepare, readable, send_result
from standins.tds.session import Session
from standins.tds.translate import duckdb_text, parse, scope_of, translate
from standins.tds.translation import Translation, table_parts

_COMMANDS: dict[type[exp.Expr], int] = {
    exp.Insert: 0xC3,
    exp.Update: 0xC5,
    exp.Delete: 0xC4,
    exp.Merge: 0x117,
}
_PERMISSIONS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Insert: ("INSERT",),
    exp.Update: ("UPDATE",),
    exp.Delete: ("DELETE",),
}
_OUTPUT_ENDS = frozenset({"WHERE", "FROM", "VALUES", "SELECT", "INTO", "DEFAULT", "USING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A translated statement that needs nothing but the values of its parameters."""

    sql: str
    parameters: tuple[str, ...]
    command: int
    target: Table
    reads: tuple[Table, ...]
    generates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clauses:
    """A statement with what sqlglot does not read taken out of it."""

    text: str
    output: str = ""
    top: str = ""


def write(session: Session, tokens: Sequence[Token]) -> None:
    """INSERT, UPDATE, DELETE or MERGE, also after WITH."""
    clauses = _clauses(session, tokens)
    key = (
        joined(tokens),
        session.database,
        session.login.name,
        session.options.identity_insert,
        tuple((n, v.kind) for n, v in session.options.variables.items()),
    )
    plan: Plan | None = session.engine.plans.find(key)
    if plan:
        values = Translation(session=session)
        parameters = {name: values.variable(name)[1] for name in plan.parameters}
        with session.transaction.atomic(reads=plan.reads, writes=[plan.target]):
            if plan.generates:
                before_insert(session, plan.target)
            run = session.transaction.run
            cursor = run(plan.sql, parameters, write=True, table=plan.target)
            _finish(session, plan, cursor)
        return
    tree = parse(session, clauses.text.rstrip(" ;"))
    if type(tree) not in _COMMANDS:
        raise syntax_error(tokens[0].text)
    _write(session, tree, clauses, key)


def _write(session: Session, tree: exp.Expr, clauses: _Clauses, key: tuple[object, ...]) -> None:
    translation = Translation(session=session, scope=scope_of(session, tree))
    target = _target(session, tree)
    reads = _permitted(session, tree, target, translation)
    generates = _complete(session, tree, target, clauses)
    with session.transaction.atomic(reads=reads, writes=[target]):
        translated = translate(tree, translation)
        output = _output(session, clauses, translation)
        prepare(translation)
        plan = Plan(
            sql=duckdb_text(translated) + output,
            parameters=tuple(translation.parameters),
            command=_COMMANDS[type(tree)],
            target=target,
            reads=tuple(reads),
            generates=generates,
        )
        if generates:
            before_insert(session, target)
        run = session.transaction.run
        changed = _could_break(tree, target)
        cursor = run(plan.sql, translation.parameters, write=True, table=changed)
        if output:
            _send_output(session, plan, cursor)
            return
        if not translation.views and not translation.dynamic:
            session.engine.plans.keep(key, plan)
        _finish(session, plan, cursor)


def _could_break(tree: exp.Expr, target: Table) -> Table:
    """Return the table with the keys that the statement could break, for the error's text."""
    if not isinstance(tree, exp.Update):
        return target
    assigned = {e.this.name.lower() for e in tree.expressions}
    keys = tuple(k for k in target.keys if assigned & {c.lower() for c in k.columns})
    return replace(target, keys=keys or target.keys)


def _finish(session: Session, plan: Plan, cursor: duckdb.DuckDBPyConnection) -> None:
    row = cursor.fetchone()
    count = int(row[0]) if row else 0
    foreign.check(session, plan.target)
    if plan.target.identity:
        after_insert(session, plan.target, generated=plan.generates and count > 0)
    session.affected(count, plan.command)


def _send_output(session: Session, plan: Plan, cursor: duckdb.DuckDBPyConnection) -> None:
    types = {c.name.lower(): (c.kind, c) for c in plan.target.columns}
    count = send_result(session, cursor, types, command=plan.command)
    foreign.check(session, plan.target)
    if plan.target.identity:
        after_insert(session, plan.target, generated=plan.generates and count > 0)


def _clauses(session: Session, tokens: Sequence[Token]) -> _Clauses:
    """Take OUTPUT and TOP out, and add the FROM that DELETE may leave out."""
    rest = list(tokens)
    output = ""
    at = next((i for i, t in _outer(rest) if t.word == "OUTPUT"), None)
    if at is not None:
        end = next((i for i, t in _outer(rest) if i > at and t.word in _OUTPUT_ENDS), len(rest))
        if end < len(rest) and rest[end].word == "INTO":
            raise unsupported("OUTPUT .. INTO")
        output = render(rest[at + 1 : end]).rstrip(" ;")
        rest = rest[:at] + rest[end:]
        first = next(t.word for t in rest if t.word in {"INSERT", "UPDATE", "DELETE", "MERGE"})
        if first == "UPDATE" and "DELETED" in output.upper():
            raise unsupported("OUTPUT deleted in UPDATE")
    top = ""
    words = [t.word for t in rest]
    if len(rest) > 1 and words[0] in {"UPDATE", "DELETE"} and words[1] == "TOP":
        stop = closing(rest, 2)
        top = render(rest[3:stop])
        rest = [rest[0], *rest[stop + 1 :]]
    text = render(rest)
    # DELETE t FROM .. is read as it is; DELETE t WHERE .. is not.
    if rest[0].word == "DELETE" and not any(t.word == "FROM" for _, t in _outer(rest)):
        text = "DELETE FROM " + text[6:].lstrip()
    return _Clauses(text=text, output=output, top=_number(session, top))


def _number(session: Session, text: str) -> str:
    if text.startswith("@"):
        return str(session.variable(text[1:].strip()).value)
    return text


def _outer(tokens: Sequence[Token]) -> list[tuple[int, Token]]:
    found, depth = [], 0
    for at, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if not depth and token.kind == "name":
            found.append((at, token))
    return found


def _target(session: Session, tree: exp.Expr) -> Table:
    """Return the table that is written to; a name may be an alias of FROM."""
    node = tree.this
    if isinstance(tree, exp.Delete) and tree.args.get("tables"):
        node = tree.args["tables"][0]
    if isinstance(node, exp.Schema):
        node = node.this
    common = _common_table(tree, node.name)
    if common is not None:
        inner = common.this.args["from_"].this
        return _base(session, session.need(table_parts(inner)))
    if not node.db:
        for table in tree.find_all(exp.Table):
            if table is not node and table.alias.lower() == node.name.lower():
                return _base(session, session.need(table_parts(table)))
    return _base(session, session.need(table_parts(node)))


def _common_table(tree: exp.Expr, name: str) -> exp.CTE | None:
    written = tree.args.get("with_")
    found = written.expressions if written else []
    return next((c for c in found if c.alias.lower() == name.lower()), None)


def _base(session: Session, table: Table) -> Table:
    """Return the table under a view, with the view's permissions."""
    if not table.view:
        return table
    if not table.base:
        raise unsupported(f"updates through the view {table.name}")
    base = session.need([table.database, *table.base])
    return replace(base, grants=table.grants)


def _permitted(
    session: Session, tree: exp.Expr, target: Table, translation: Translation
) -> list[Table]:
    """Return the tables that are read; raise 229 unless the user may do all that."""
    user = session.user_of(target)
    wanted = set(_PERMISSIONS.get(type(tree), ()))
    if isinstance(tree, exp.Merge):
        actions = {type(w.args["then"]) for w in tree.find_all(exp.When)}
        wanted = {"INSERT"} if exp.Insert in actions else set()
        wanted |= {"UPDATE"} if exp.Update in actions else set()
        wanted |= {"SELECT"} | ({"DELETE"} if exp.Var in actions else set())
    if tree.args.get("where"):
        wanted = wanted | {"SELECT"}
    for permission in sorted(wanted):
        demand(user, permission, target)
    others = [t for t in translation.scope.values() if t.object_id != target.object_id]
    return readable(session, others)


def _complete(session: Session, tree: exp.Expr, target: Table, clauses: _Clauses) -> bool:
    """Add what T-SQL implies and DuckDB needs; return whether identity values are generated."""
    generates = False
    if isinstance(tree, exp.Insert):
        generates = complete_insert(session, tree, target)
        fit_code_page(tree, target)
    elif isinstance(tree, exp.Merge):
        generates = complete_merge(session, tree, target)
        fit_code_page(tree, target)
    elif isinstance(tree, exp.Update):
        fit_code_page(tree, target)
        update_by_row(tree, target, clauses.top)
    elif isinstance(tree, exp.Delete):
        delete_by_row(tree, target, clauses.top)
    return generates


def _output(session: Session, clauses: _Clauses, translation: Translation) -> str:
    if not clauses.output:
        return ""
    tree = parse(session, "SELECT " + clauses.output)
    for column in tree.find_all(exp.Column):
        column.set("table", None)
    columns = translate(tree, translation).expressions
    return " RETURNING " + ", ".join(duckdb_text(c) for c in columns)
