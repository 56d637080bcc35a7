"""COLLATE with the names that SQL Server has."""

import re

from sqlglot import exp

from syncline.query.pointing import Refuse

_WINDOWS = re.compile(r"\w+?_(?P<case>C[IS])_(?P<accent>A[IS])(_\w+)?", re.IGNORECASE)
_BINARY = re.compile(r"\w+_BIN2?|database_default|catalog_default", re.IGNORECASE)
_OWN = frozenset({"nocase", "noaccent", "nfc", "binary", "c", "posix"})


def collated(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """Return a text that is compared without regard to case or accents, as its collation says.

    Raises:
        QueryError: the collation is not known.
    """
    name = node.expression.name
    found = _WINDOWS.fullmatch(name)
    if found is not None:
        ways = ["NOCASE"] if found["case"].upper() == "CI" else []
        ways += ["NOACCENT"] if found["accent"].upper() == "AI" else []
    elif _BINARY.fullmatch(name):
        ways = []
    elif set(name.lower().split(".")) <= _OWN:
        return node
    else:
        raise refuse(
            f"there is no collation {name}",
            node,
            hint="write for example COLLATE Latin1_General_CI_AI, or NOCASE",
        )
    result: exp.Expr = node.this.copy()
    if ways:
        collation = exp.Var(this=".".join(ways))
        result = exp.Collate(this=result, expression=collation)
        result.type = exp.DataType.build("VARCHAR")
    return result
