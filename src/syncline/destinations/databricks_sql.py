"""Statements of the load as Databricks takes them."""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlglot import exp

from syncline.destinations.databricks_files import Files
from syncline.errors import DestinationRefused

_DIALECT: Final = "databricks"
#: What is asked of a column.
_COLUMNS: Final = (
    "column_name", "full_data_type", "is_nullable", "column_default", "is_identity",
    "generation_expression",
)  # fmt: skip
#: The table of checkpoints, one in each schema.
LEDGER: Final = "_syncline_checkpoints"
#: A literal or a name; a variable, as Spark looks for them.
_QUOTED: Final = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'|`[^`]*`", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{\S+?\}")
#: Names of columns as they are, and types that can grow.
PROPERTIES: Final = {
    "delta.columnMapping.mode": "name",
    "delta.enableTypeWidening": "true",
}


def is_staged(table: Any) -> bool:
    """Say whether a table is files of a volume: only those have no schema."""
    return isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier) and not table.db


def staged_tables(tree: exp.Expr) -> list[str]:
    """Return the names of the files that a statement reads."""
    local = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    found = (t.name for t in tree.find_all(exp.Table) if is_staged(t))
    return [name for name in found if name not in local]


def declaration(tree: exp.Create) -> tuple[str, str, list[str]]:
    """Return the name, the columns and the key of files, as a CREATE TEMPORARY TABLE says it."""
    columns = list(tree.find_all(exp.ColumnDef))
    schema = ", ".join(
        f"{c.this.sql(dialect=_DIALECT)} {c.args['kind'].sql(dialect=_DIALECT)}" for c in columns
    )
    return tree.this.this.name, schema, _required(columns)


def rendered(tree: exp.Expr, files: Files, *, more: Sequence[exp.Expression] = ()) -> str:
    """Return a statement as text; ``more``: properties of a table that it makes.

    Raises `DestinationRefused` for a name that Databricks would read as another one.
    """
    copy = tree.copy()
    if isinstance(copy, exp.Create) and copy.kind == "TABLE":
        _describe_table(copy, more)
    if isinstance(copy, exp.Insert):
        copied = _copy_into(copy, files)
        if copied:
            return unsubstituted(copied)
    _number(copy, files)
    if isinstance(copy, exp.Merge):
        _prune(copy, files)
    return unsubstituted(_with_files(copy, files).sql(dialect=_DIALECT))


def unsubstituted(text: str) -> str:
    """Return a statement in which nothing is a variable, ``${…}``.

    Spark puts the values of variables into the text of a statement, also into its literals: a
    value of a source that looks like one would become another one. Raises `DestinationRefused`
    for a name, in which nothing can be written in another way.
    """
    if "${" not in text:
        return text
    text = _QUOTED.sub(_escaped, text)
    found = _VARIABLE.search(text)
    if found:
        raise DestinationRefused(
            f"Databricks takes {found[0]} in a name for a variable",
            hint="give the column another name in the task's query",
        )
    return text


def _escaped(found: re.Match[str]) -> str:
    return found[0].replace("${", "$\\u007b") if found[0][0] == "'" else found[0]


def clusters(tree: exp.Expression) -> bool:
    """Say whether a statement makes a table that is clustered."""
    return isinstance(tree, exp.Create) and tree.find(exp.ClusterProperty) is not None


def enabling(tree: exp.Expression) -> str | None:
    """Return what a table has to be told before a statement changes its columns, or None.

    Times without a zone are a feature of a table, which only a new one gets by itself.
    """
    actions = tree.args["actions"] if isinstance(tree, exp.Alter) else ()
    kinds = [action.args.get("kind") or action.args.get("dtype") for action in actions]
    if not any(isinstance(k, exp.DataType) and k.is_type("TIMESTAMP_NTZ") for k in kinds):
        return None
    name = tree.this.sql(dialect=_DIALECT)
    return f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')"


def _describe_table(tree: exp.Create, more: Sequence[exp.Expression]) -> None:
    """Add how a table is kept: with names and types that can change."""
    given = tree.args.get("properties") or exp.Properties(expressions=[])
    added: list[exp.Expression] = []
    has_columns = isinstance(tree.this, exp.Schema)
    columns = list(tree.this.find_all(exp.ColumnDef)) if has_columns else []
    told = tree.this.find(exp.PrimaryKey) if has_columns else None
    if told is not None and not told.args.get("options"):
        # The ledger: a partition for each task, so that tasks do not conflict.
        first = exp.Schema(expressions=[columns[0].this.copy()])
        added.append(exp.PartitionedByProperty(this=first))
    added += [
        exp.Property(this=exp.Literal.string(k), value=exp.Literal.string(v))
        for k, v in PROPERTIES.items()
    ]
    tree.set("properties", exp.Properties(expressions=[*given.expressions, *added, *more]))


def _required(columns: Sequence[exp.ColumnDef]) -> list[str]:
    return [
        c.name
        for c in columns
        if any(isinstance(k.kind, exp.NotNullColumnConstraint) for k in c.args["constraints"])
    ]


def _copy_into(tree: exp.Insert, files: Files) -> str | None:
    """Return the insertion of whole files as COPY INTO, which loads each file once.

    A plain INSERT that is sent again, as the driver does after a lost connection, adds the rows
    again.
    """
    query = tree.expression
    if not isinstance(query, exp.Select) or tree.args.get("overwrite"):
        return None
    source = query.args.get("from_")
    table: Any = source.this if source else None
    if not is_staged(table) or query.args.get("where") or query.args.get("joins"):
        return None
    files.schema(table.name)
    names = [i.name for i in tree.this.expressions]
    chosen = ", ".join(
        exp.alias_(e.unalias().copy(), n, quoted=True).sql(dialect=_DIALECT)
        for e, n in zip(query.expressions, names, strict=True)
    )
    task, _, part = table.name.partition("/")
    # Alternatives are a matter of PATTERN; a folder is a matter of the path.
    if "{" in part:
        path, pattern = files.path(task), f" PATTERN = '{part}/*'"
    else:
        path, pattern = files.path(table.name), ""
    target = tree.this.this.sql(dialect=_DIALECT)
    select = f"SELECT {chosen} FROM '{path}'"  # noqa: S608 (of names and literals, quoted)
    return f"COPY INTO {target} FROM ({select}) FILEFORMAT = PARQUET{pattern}"


def _with_files(tree: Any, files: Files) -> Any:
    local = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}

    def replaced(node: Any) -> Any:
        if not is_staged(node) or node.name in local:
            return node
        options = {"format": "parquet", "schema": files.schema(node.name)}
        call = exp.Anonymous(
            this="READ_FILES",
            expressions=[
                exp.Literal.string(files.path(node.name)),
                *(
                    exp.Kwarg(this=exp.var(name), expression=exp.Literal.string(value))
                    for name, value in options.items()
                ),
            ],
        )
        alias = node.args.get("alias")
        return exp.Table(this=call, alias=alias.copy() if alias else None)

    return tree.transform(replaced)


def _number(tree: exp.Expr, files: Files) -> None:
    """Number no rows of which each has a key of its own: the warehouse would have to sort them."""
    for window in list(tree.find_all(exp.Window)):
        chosen = window.find_ancestor(exp.Select)
        source: Any = chosen.args.get("from_") if chosen else None
        if not isinstance(window.this, exp.RowNumber) or source is None:
            continue
        keys = files.keys(source.this.name) if is_staged(source.this) else None
        by = [c.name for c in window.args.get("partition_by") or ()]
        if keys is not None and keys.are_unique(by):
            window.replace(exp.Literal.number(1))


def _prune(tree: exp.Merge, files: Files) -> None:
    """Say which keys the rows can have, where every one of them is known.

    The files of a table that is clustered by its key are skipped by what they hold, so a merge
    grows with the change and not with the table; also where it reads its own target, for history.
    """
    if any(when.args.get("source") for when in tree.args["whens"].expressions):
        return
    staged = set(staged_tables(tree.args["using"]))
    if len(staged) != 1:
        return
    keys = files.keys(staged.pop())
    if keys is None:
        return
    for place in ("on", "using"):
        for same in list(tree.args[place].find_all(exp.EQ)):
            held, brought = same.this, same.expression
            if not (isinstance(held, exp.Column) and isinstance(brought, exp.Column)):
                continue
            known = keys.condition(held, held.name) if held.table == tree.this.alias else None
            if known is not None and place == "on":
                # In front of the whole condition.
                tree.set("on", exp.and_(known, tree.args["on"].copy()))
                break
            if known is not None:
                same.replace(exp.and_(known, same.copy()))


def columns_query(table: exp.Table, schema: str) -> exp.Select:
    """Return what asks for the columns of a table, in their order."""
    return (
        exp.select(*(exp.column(name) for name in _COLUMNS))
        .from_(exp.table_("columns", db="information_schema"))
        .where(
            exp.column("table_schema").eq(exp.Literal.string((table.db or schema).lower())),
            exp.column("table_name").eq(exp.Literal.string(table.name.lower())),
        )
        .order_by(exp.column("ordinal_position"))
    )
