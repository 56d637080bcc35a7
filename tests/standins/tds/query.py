"""SELECT: results, SELECT INTO and assignment to variables."""

from collections.abc import Sequence
from dataclasses import replace

import sqlglot
from sqlglot import exp

from standins.tds.answer import SELECTED
from standins.tds.catalog import Column
from standins.tds.errors import syntax_error
from standins.tds.interpreter import as_variable
from standins.tds.lexer import Token, literal
from standins.tds.quick import quick_text
from standins.tds.render import locks_rows
from standins.tds.running import (
    Declared,
    declared_types,
    name_columns,
    prepare,
    readable,
    send_result,
    wire_value,
)
from standins.tds.session import Session
from standins.tds.sqltypes import INT, MAX, from_duckdb
from standins.tds.storage import create, new_table
from standins.tds.translate import duckdb_text, parse_tokens, scope_of, translate
from standins.tds.translation import Translation, table_parts

_INT_DIGITS = 10


def select(session: Session, tokens: Sequence[Token]) -> None:
    """SELECT, or WITH .. SELECT."""
    if _assign_quickly(session, tokens):
        return
    tree = parse_tokens(session, tokens)
    if not isinstance(tree, exp.Query):
        raise syntax_error(tokens[0].text)
    if isinstance(tree, exp.Select) and tree.args.get("into"):
        _into(session, tree)
        return
    if isinstance(tree, exp.Select) and any(_assigns(e) for e in tree.expressions):
        _assign(session, tree)
        return
    if _only_variables(tree):
        _send_variables(session, tree)
        return
    translation = Translation(session=session, scope=scope_of(session, tree))
    declared = declared_types(tree, translation)
    starred = any(e.is_star for e in tree.selects)
    names = [] if starred else [e.alias_or_name for e in tree.selects]
    name_columns(tree)
    tables = readable(session, translation.scope.values())
    tree = translate(tree, translation)
    if locks_rows(tokens):
        session.transaction.hold(tables)
    with session.transaction.atomic(reads=tables):
        prepare(translation)
        cursor = session.transaction.run(duckdb_text(tree), translation.parameters)
        send_result(session, cursor, declared, names=names)


def _only_variables(tree: exp.Query) -> bool:
    clauses = [name for name, value in tree.args.items() if value and name != "expressions"]
    return not clauses and all(
        isinstance(e.unalias(), exp.Parameter) or _is_whole(e.unalias()) for e in tree.selects
    )


def _is_whole(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_int and len(node.name) < _INT_DIGITS


def _send_variables(session: Session, tree: exp.Query) -> None:
    translation = Translation(session=session)
    columns, values = [], []
    for node in tree.selects:
        inner = node.unalias()
        if isinstance(inner, exp.Literal):
            kind, value = INT, int(inner.name)
        else:
            kind, value = translation.variable(inner.name)
        name = node.alias if isinstance(node, exp.Alias) else ""
        columns.append((name, kind))
        values.append(wire_value(session, kind, value))
    session.answer.rows(columns, [values])
    session.options.rowcount = 1


def _assigns(node: exp.Expr) -> bool:
    return isinstance(node, exp.EQ) and isinstance(node.left, exp.Parameter)


def _assign_quickly(session: Session, tokens: Sequence[Token]) -> bool:
    """SELECT @v = .. of what needs no query."""
    if [t.text[:1] for t in tokens[1:3]] != ["@", "="] or tokens[1].text.startswith("@@"):
        return False
    variable = session.variable(tokens[1].text[1:])
    if not (variable.kind.is_text and variable.kind.is_unicode):
        return False
    said = quick_text(session, tokens[3:])
    if said is None:
        return False
    length = variable.kind.length
    variable.value = said[0] if said[0] is None or length == MAX else said[0][:length]
    session.options.rowcount = 1
    return True


def _assign(session: Session, tree: exp.Select) -> None:
    """SELECT @v = .. FROM ..: the last row wins; @v = COALESCE(@v + sep, ..) + x collects all."""
    names = []
    for at, node in enumerate(list(tree.expressions)):
        name, value = node.left.name, node.right
        names.append(name)
        if tree.args.get("from_") and _collects(name, value):
            value = _collected(tree, value)
        node.replace(exp.alias_(value.copy(), f"a{at}"))
    translation = Translation(session=session, scope=scope_of(session, tree))
    translated = translate(tree, translation)
    kinds = [session.variable(n).kind for n in names]
    casts = ", ".join(as_variable(f"a{at}", kind) for at, kind in enumerate(kinds))
    tables = readable(session, translation.scope.values())
    with session.transaction.atomic(reads=tables):
        prepare(translation)
        sql = f"SELECT {casts} FROM ({duckdb_text(translated)})"
        rows = session.transaction.run(sql, translation.parameters).fetchall()
    if rows:
        for name, value in zip(names, rows[-1], strict=True):
            session.variable(name).value = value
    session.options.rowcount = len(rows)


def _collects(name: str, value: exp.Expr) -> bool:
    if not isinstance(value, exp.Add) or not isinstance(value.left, exp.Coalesce):
        return False
    wanted = name.lower()
    return any(p.name.lower() == wanted for p in value.left.find_all(exp.Parameter))


def _collected(tree: exp.Select, value: exp.Expr) -> exp.Expr:
    """Return STRING_AGG of what is added to the variable."""
    added, before = value.args["expression"], value.args["this"]
    joined = before.find(exp.Add)
    separator = joined.right.name if joined else ""
    order = tree.args.get("order")
    within = f" WITHIN GROUP ({order.sql(dialect='tsql')})" if order else ""
    tree.set("order", None)
    text = f"SELECT STRING_AGG({added.sql(dialect='tsql')}, {literal(separator)}){within}"
    collected: exp.Expr = sqlglot.parse_one(text, read="tsql").expressions[0]
    return collected


def _into(session: Session, tree: exp.Select) -> None:
    """SELECT INTO: columns keep type, nullability, collation and (from one table) identity."""
    parts = table_parts(tree.args["into"].this)
    tree.set("into", None)
    translation = Translation(session=session, scope=scope_of(session, tree))
    declared = declared_types(tree, translation)
    alone = not tree.args.get("joins") and len(translation.scope) == 1
    tables = readable(session, translation.scope.values())
    translated = duckdb_text(translate(tree, translation))
    made = new_table(session, parts)
    transaction = session.transaction
    with transaction.atomic(reads=tables, changes=[made]):
        prepare(translation)
        cursor = transaction.run(f"SELECT * FROM ({translated}) LIMIT 0", translation.parameters)
        described = [(str(d[0]), str(d[1])) for d in cursor.description or ()]
        columns = tuple(_column(name, kind, declared, alone=alone) for name, kind in described)
        made = replace(made, columns=columns)
        create(session, made)
        sql = f"INSERT INTO {made.full_name} {translated}"
        row = transaction.run(sql, translation.parameters, write=True, table=made).fetchone()
    session.engine.plans.clear()
    session.affected(row[0] if row else 0, SELECTED)


def _column(name: str, kind: str, declared: Declared, *, alone: bool) -> Column:
    known = declared.get(name.lower())
    if known is None:
        return Column(name=name, kind=from_duckdb(kind))
    source = known[1]
    if source is None:
        return Column(name=name, kind=known[0])
    return Column(
        name=name,
        kind=source.kind,
        nullable=source.nullable,
        collation=source.collation,
        identity=source.identity if alone else None,
    )
