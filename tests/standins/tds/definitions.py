"""Column, key and check definitions of CREATE TABLE and ALTER TABLE."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from standins.tds.catalog import Check, Column, ForeignKey, Key, KeyKind
from standins.tds.errors import syntax_error
from standins.tds.lexer import (
    Token,
    closing,
    find,
    joined,
    name_parts,
    split_commas,
    unquote,
)
from standins.tds.sqltypes import parse_type

TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "INDEX"})


@dataclass(slots=True)
class Definitions:
    """What the items of a definition say, for a table of this name."""

    table: str
    suffix: str
    columns: list[Column] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    #: Columns with NULL written beside them: that a key needs NOT NULL is then an error.
    said_null: set[str] = field(default_factory=set)

    def name(self, prefix: str, column: str = "") -> str:
        """Return a name such as SQL Server makes for constraints without one."""
        middle = f"__{column[:9]}" if column else ""
        return f"{prefix}__{self.table[:9]}{middle}__{self.suffix}{len(self.keys)}"


def read(items: Sequence[Sequence[Token]], table: str, suffix: str) -> Definitions:
    """Read the items between the parentheses of CREATE TABLE."""
    found = Definitions(table, suffix)
    for item in items:
        if item[0].kind == "name" and item[0].word in TABLE_CONSTRAINTS:
            read_constraint(item, found)
        else:
            found.columns.append(read_column(item, found))
    primary = {c.lower() for k in found.keys if k.kind == "PK" for c in k.columns}
    not_null = primary - found.said_null
    found.columns = [
        replace(c, nullable=False) if c.name.lower() in not_null else c for c in found.columns
    ]
    return found


def read_column(item: Sequence[Token], found: Definitions) -> Column:
    """Read a column; its keys and checks are added to what was found."""
    if len(item) < 2:
        raise syntax_error(item[0].text)
    name = unquote(item[0].text)
    if item[1].word == "AS":
        return Column(name=name, kind=parse_type("int"), computed=_computed(item[2:]))
    at = 2
    if at < len(item) and item[at].text == ".":
        at += 2
    if at < len(item) and item[at].text == "(":
        at = closing(item, at) + 1
    kind = parse_type("".join(t.text for t in item[1:at]))
    return _Options(item, at, Column(name=name, kind=kind), found).read()


def _computed(tokens: Sequence[Token]) -> str:
    rest = list(tokens)
    while rest and rest[-1].word in {"PERSISTED", "NULL", "NOT"}:
        rest.pop()
    return joined(rest).strip()


class _Options:
    """What follows a column's type."""

    def __init__(self, item: Sequence[Token], at: int, column: Column, found: Definitions) -> None:
        self._item = item
        self._at = at
        self._column = column
        self._found = found
        self._name = ""

    def read(self) -> Column:
        readers = {
            "NOT": self._not_null,
            "COLLATE": self._collate,
            "IDENTITY": self._identity,
            "CONSTRAINT": self._constraint,
            "DEFAULT": self._default,
            "PRIMARY": self._key,
            "UNIQUE": self._key,
            "CHECK": self._check,
            "REFERENCES": self._references,
            "NULL": self._null,
        }
        while self._at < len(self._item):
            readers.get(self._item[self._at].word, self._skip)()
        return self._column

    def _skip(self) -> None:
        self._at += 1

    def _take_name(self, prefix: str) -> str:
        name, self._name = self._name, ""
        return name or self._found.name(prefix, self._column.name)

    def _not_null(self) -> None:
        if self._at + 1 < len(self._item) and self._item[self._at + 1].word == "NULL":
            self._column = replace(self._column, nullable=False)
        self._at += 2

    def _null(self) -> None:
        self._found.said_null.add(self._column.name.lower())
        self._at += 1

    def _collate(self) -> None:
        self._column = replace(self._column, collation=unquote(self._item[self._at + 1].text))
        self._at += 2

    def _identity(self) -> None:
        identity = (1, 1)
        self._at += 1
        if self._at < len(self._item) and self._item[self._at].text == "(":
            end = closing(self._item, self._at)
            written = joined(self._item[self._at + 1 : end]).replace(" ", "").split(",")
            identity = (int(written[0]), int(written[1]))
            self._at = end + 1
        self._column = replace(self._column, identity=identity, nullable=False)

    def _constraint(self) -> None:
        self._name = unquote(self._item[self._at + 1].text)
        self._at += 2

    def _default(self) -> None:
        start = self._at + 1
        end = start
        while self._item[end].text in {"-", "+"}:
            end += 1
        if self._item[end].text == "(":
            end = closing(self._item, end)
        elif end + 1 < len(self._item) and self._item[end + 1].text == "(":
            end = closing(self._item, end + 1)
        default = joined(self._item[start : end + 1]).strip()
        self._column = replace(self._column, default=default, default_name=self._take_name("DF"))
        self._at = end + 1

    def _key(self) -> None:
        primary = self._item[self._at].word == "PRIMARY"
        self._at += 2 if primary else 1
        clustered = primary
        if self._at < len(self._item):
            word = self._item[self._at].word
            if word in {"CLUSTERED", "NONCLUSTERED"}:
                clustered = word == "CLUSTERED"
                self._at += 1
        kind: KeyKind = "PK" if primary else "UQ"
        name, columns = self._take_name(kind), (self._column.name,)
        self._found.keys.append(Key(name=name, kind=kind, columns=columns, clustered=clustered))

    def _check(self) -> None:
        end = closing(self._item, self._at + 1)
        condition = joined(self._item[self._at + 2 : end])
        self._found.checks.append(Check(name=self._take_name("CK"), condition=condition))
        self._at = end + 1

    def _references(self) -> None:
        start = self._at + 1
        end = next((i for i in range(start, len(self._item)) if self._item[i].text == "("), None)
        if end is None:
            raise syntax_error("REFERENCES")
        stop = closing(self._item, end)
        self._found.foreign_keys.append(
            _foreign_key(
                self._take_name("FK"),
                (self._column.name,),
                self._item[start:end],
                self._item[end + 1 : stop],
            )
        )
        self._at = stop + 1


def read_constraint(item: Sequence[Token], found: Definitions) -> None:
    """Read a table's constraint."""
    name = ""
    if item[0].word == "CONSTRAINT":
        name, item = unquote(item[1].text), item[2:]
    word = item[0].word
    start = next((i for i, t in enumerate(item) if t.text == "("), None)
    if start is None:
        raise syntax_error(item[-1].text)
    stop = closing(item, start)
    if word == "CHECK":
        condition = joined(item[start + 1 : stop])
        found.checks.append(Check(name=name or found.name("CK"), condition=condition))
    elif word == "FOREIGN":
        at = find(item, "REFERENCES", stop)
        if at is None:
            raise syntax_error(item[-1].text)
        opening = next(i for i in range(at, len(item)) if item[i].text == "(")
        found.foreign_keys.append(
            _foreign_key(
                name or found.name("FK"),
                names(item[start + 1 : stop]),
                item[at + 1 : opening],
                item[opening + 1 : closing(item, opening)],
            )
        )
    else:
        found.keys.append(_key(item, start, stop, name, found))


def _key(item: Sequence[Token], start: int, stop: int, name: str, found: Definitions) -> Key:
    head = {t.word for t in item[:start]}
    columns = names(item[start + 1 : stop])
    if item[0].word == "PRIMARY":
        return Key(
            name=name or found.name("PK"),
            kind="PK",
            columns=columns,
            clustered="NONCLUSTERED" not in head,
        )
    if item[0].word == "INDEX":
        return Key(
            name=unquote(item[1].text),
            kind="UX" if "UNIQUE" in head else "IX",
            columns=columns,
            clustered="CLUSTERED" in head,
            columnstore="COLUMNSTORE" in head,
        )
    return Key(
        name=name or found.name("UQ"), kind="UQ", columns=columns, clustered="CLUSTERED" in head
    )


def _foreign_key(
    name: str, columns: tuple[str, ...], table: Sequence[Token], referenced: Sequence[Token]
) -> ForeignKey:
    parts = name_parts(table)
    return ForeignKey(
        name=name,
        columns=columns,
        schema=parts[-2] if len(parts) > 1 else "dbo",
        table=parts[-1],
        referenced=names(referenced),
    )


def names(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the names of a list of columns, without ASC and DESC."""
    return tuple(unquote(item[0].text) for item in split_commas(tokens))
