"""sp_describe_undeclared_parameters: the types that the parameters of a statement should have."""

from sqlglot import exp

from standins.tds.catalog import Table
from standins.tds.encode import SIZED
from standins.tds.lexer import tokenize
from standins.tds.session import Session
from standins.tds.sqltypes import BIT, INT, NVARCHAR_4000, SYSNAME, SYSTEM_TYPES, SqlType
from standins.tds.translate import parse_tokens, scope_of
from standins.tds.translation import Translation, table_parts

_SMALLINT, _TINYINT = SqlType(name="smallint"), SqlType(name="tinyint")
_COLUMNS = (
    ("parameter_ordinal", INT),
    ("name", SYSNAME),
    ("suggested_system_type_id", INT),
    ("suggested_system_type_name", SYSNAME),
    ("suggested_max_length", _SMALLINT),
    ("suggested_precision", _TINYINT),
    ("suggested_scale", _TINYINT),
    ("suggested_user_type_id", INT),
    ("suggested_user_type_database", SYSNAME),
    ("suggested_user_type_schema", SYSNAME),
    ("suggested_user_type_name", SYSNAME),
    ("suggested_assembly_qualified_type_name", SYSNAME),
    ("suggested_xml_collection_id", INT),
    ("suggested_xml_collection_database", SYSNAME),
    ("suggested_xml_collection_schema", SYSNAME),
    ("suggested_xml_collection_name", SYSNAME),
    ("suggested_is_xml_document", BIT),
    ("suggested_is_case_sensitive", BIT),
    ("suggested_is_fixed_length_clr_type", BIT),
    ("suggested_is_input", BIT),
    ("suggested_is_output", BIT),
    ("formal_parameter_name", SYSNAME),
    ("suggested_tds_type_id", INT),
    ("suggested_tds_length", INT),
)


def describe_parameters(session: Session, text: str) -> None:
    """Send the types: of the column that is filled or compared, else nvarchar(4000)."""
    tree = parse_tokens(session, tokenize(text))
    translation = Translation(session=session, scope=scope_of(session, tree))
    found: dict[str, SqlType] = {}
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Values):
        found |= _inserted(session, tree)
    for node in tree.find_all(exp.Binary):
        if isinstance(node.left, exp.Column) and isinstance(node.right, exp.Parameter):
            kind = translation.type_of(node.left) or NVARCHAR_4000
            found.setdefault(node.right.name, kind)
    names = dict.fromkeys(p.name for p in tree.find_all(exp.Parameter))
    rows = [_row(i, n, found.get(n, NVARCHAR_4000)) for i, n in enumerate(names, 1)]
    session.answer.rows(_COLUMNS, rows)


def _inserted(session: Session, tree: exp.Insert) -> dict[str, SqlType]:
    schema = tree.this
    named = isinstance(schema, exp.Schema)
    table: Table = session.need(table_parts(schema.this if named else schema))
    names = [c.name for c in (schema.expressions if named else table.written)]
    found = {}
    for row in tree.expression.expressions:
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        for name, value in zip(names, cells, strict=False):
            column = table.column(name)
            if isinstance(value, exp.Parameter) and column:
                found[value.name] = column.kind
    return found


def _row(ordinal: int, name: str, kind: SqlType) -> tuple[object, ...]:
    number = SYSTEM_TYPES[kind.name][0]
    token = SIZED.get(kind.name, (number, 0))[0]
    length = kind.max_length
    exact = (kind.precision or kind.shown_precision, kind.shown_scale)
    return (
        (ordinal, "@" + name, number, kind.ddl, length, *exact)
        + (None,) * 9
        + (False, False, False, True, False, None, token, length)
    )
