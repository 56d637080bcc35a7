"""How text compares: by the collation that prevails, and whatever spaces follow."""

from sqlglot import exp

from standins.tds.catalog import DEFAULT_COLLATION
from standins.tds.errors import ServerError
from standins.tds.translation import Translation

_RIGHT_TRIM = "rtrim"
#: DuckDB's names: by bytes, and by lower case.
_BINARY, _CASELESS = "C", "NOCASE"
_DEFAULTS = frozenset({"DATABASE_DEFAULT", "CATALOG_DEFAULT"})


def collate(node: exp.Collate) -> exp.Expr:
    """Return COLLATE in DuckDB's words."""
    name = node.expression.name.upper()
    caseless = "_CI" in name or name in _DEFAULTS
    node.set("expression", exp.Var(this=_CASELESS if caseless else _BINARY))
    return node


def compare(node: exp.Binary, translation: Translation) -> exp.Expr:
    """Return a comparison in which spaces at the end do not count."""
    if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
        return node  # An assignment only looks like a comparison.
    if translation.is_text(node.left) or translation.is_text(node.right):
        explicit = _explicit(node.left) or _explicit(node.right)
        node.set("this", comparable(node.left, explicit))
        node.set("expression", comparable(node.right, explicit))
    return node


def contain(node: exp.In, translation: Translation) -> exp.Expr:
    """Return IN with a list, in which spaces at the end do not count."""
    if translation.is_text(node.this) and node.expressions:
        explicit = _explicit(node.this)
        node.set("this", comparable(node.this, explicit))
        node.set("expressions", [comparable(e, explicit) for e in node.expressions])
    return node


def combine(node: exp.SetOperation, translation: Translation) -> exp.Expr:
    """Return EXCEPT or INTERSECT in which spaces at the end do not count. Raises 468."""
    left, right = node.this, node.expression
    if not isinstance(left, exp.Select) or not isinstance(right, exp.Select):
        return node
    for here, there in zip(list(left.expressions), list(right.expressions), strict=False):
        explicit = _explicit(here.unalias()) or _explicit(there.unalias())
        if not explicit:
            _refuse_conflict(here, there, translation)
        for side, column in ((left, here), (right, there)):
            if translation.is_text(column):
                compared = comparable(column.unalias(), explicit)
                # Without FROM the name could only be mistaken for an outer column.
                name = column.alias_or_name if side.args.get("from_") else ""
                column.replace(exp.alias_(compared, name, quoted=True) if name else compared)
    return node


def comparable(node: exp.Expr, explicit: str = "") -> exp.Expr:
    """Return a text without the spaces at its end, by an explicit collation if there is one."""
    if isinstance(node, exp.Null | exp.Subquery):
        return node
    trimmed = exp.Anonymous(this=_RIGHT_TRIM, expressions=[node.copy()])
    return exp.Collate(this=trimmed, expression=exp.Var(this=explicit)) if explicit else trimmed


def _explicit(node: exp.Expr) -> str:
    """Return the collation that the text itself says, in DuckDB's words."""
    while isinstance(node, exp.Paren):
        node = node.this
    return str(node.expression.name) if isinstance(node, exp.Collate) else ""


def _refuse_conflict(here: exp.Expr, there: exp.Expr, translation: Translation) -> None:
    plain = [n for n in (here.unalias(), there.unalias()) if isinstance(n, exp.Column)]
    columns = [translation.column(n) for n in plain]
    names = {c.collation or DEFAULT_COLLATION for c in columns if c is not None and c.kind.is_text}
    if len(names) > 1:
        one, other = sorted(names)
        raise ServerError(
            468, f'Cannot resolve the collation conflict between "{one}" and "{other}" in the '
            "EXCEPT operation."
        )  # fmt: skip
