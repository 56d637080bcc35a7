"""CData's REPLICATE statement, read into a record; what it means is the project's business."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType

from syncline.model.job import DeclaredColumn
from syncline.model.table import Value
from syncline.query.dialect import span, tokens_of
from syncline.query.pointing import Refuse, refusing

_NAMES = frozenset({TokenType.IDENTIFIER, TokenType.VAR})
#: Types of two words.
_LONGER = {"DOUBLE": {"PRECISION"}, "CHARACTER": {"VARYING"}, "CHAR": {"VARYING"}}
#: What databases take behind a type.
_CONSTRAINTS = frozenset(
    {"AUTO_INCREMENT", "CHECK", "COLLATE", "DEFAULT", "IDENTITY", "REFERENCES", "UNIQUE"}
)
_PLAIN_KEY = "write PRIMARY KEY (column, column) once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """``REPLICATE target (columns, PRIMARY KEY (key)) WITH options query``."""

    #: Name of the table to write.
    target: str
    #: The query; a table alone is written as a query of all its columns.
    query: str
    #: The columns, if the statement has them.
    columns: tuple[DeclaredColumn, ...] = ()
    key: tuple[str, ...] = ()
    #: As written; an option without a value is True.
    options: Mapping[str, Value] = field(default_factory=dict)


def parse_replicate(sql: str) -> Replicate | None:
    """Return the statement that ``sql`` is; None if it does not begin with REPLICATE.

    The query inside is not checked.

    Raises:
        QueryError: it begins with REPLICATE and goes on otherwise than it may.
    """
    refuse = refusing(sql)
    words = tokens_of(sql, refuse)
    while words and words[-1].token_type == TokenType.SEMICOLON:
        words.pop()
    if not words or words[0].text.upper() != "REPLICATE" or _is_quoted(words[0]):
        return None
    return _Words(sql, words[1:], refuse).statement()


def _is_quoted(word: Token) -> bool:
    return word.token_type in {TokenType.IDENTIFIER, TokenType.STRING}


class _Words:
    """The words of a statement, read from left to right."""

    def __init__(self, sql: str, words: list[Token], refuse: Refuse) -> None:
        self._sql = sql
        self._words = words
        self._refuse = refuse
        self._at = 0

    def statement(self) -> Replicate:
        target = self._name("the name of the table to write")
        # dbo.Matters is the source's Matters.
        alone = self._words[self._at - 1].text
        columns, key = self._columns() if self._is("(") and not self._is_query(1) else ((), ())
        options = self._options() if self._is("WITH") and not self._is_cte() else {}
        return Replicate(
            target=target, query=self._query(alone), columns=columns, key=key, options=options
        )

    def _peek(self, ahead: int = 0) -> Token | None:
        at = self._at + ahead
        return self._words[at] if at < len(self._words) else None

    def _is(self, text: str, ahead: int = 0) -> bool:
        word = self._peek(ahead)
        return word is not None and word.text.upper() == text and not _is_quoted(word)

    def _is_query(self, ahead: int) -> bool:
        return any(self._is(text, ahead) for text in ("SELECT", "WITH", "("))

    def _is_cte(self) -> bool:
        """Say whether WITH begins a query: ``WITH x AS (`` or ``WITH x (columns) AS``."""
        return self._is("AS", 2) or self._is("(", 2) or self._is("RECURSIVE", 1)

    def _next(self, what: str) -> Token:
        word = self._peek()
        if word is None:
            end = len(self._sql.rstrip())
            raise self._refuse(f"{what} is missing", (end, end))
        self._at += 1
        return word

    def _expect(self, text: str) -> None:
        if not self._is(text):
            word = self._next(text)
            raise self._refuse(f"{text} is expected here", span(word))
        self._at += 1

    def _name(self, what: str) -> str:
        name = self._part(what)
        if self._is("."):
            self._at += 1
            return f"{_bare(name)}.{_bare(self._name(what))}"
        return name

    def _part(self, what: str) -> str:
        word = self._next(what)
        # A keyword such as Date may be a name; signs and texts may not.
        if not (word.token_type in _NAMES or word.text.isidentifier()) or (
            word.token_type == TokenType.STRING
        ):
            raise self._refuse(f"{what} is expected here", span(word))
        return word.text

    def _columns(self) -> tuple[tuple[DeclaredColumn, ...], tuple[str, ...]]:
        self._expect("(")
        columns: list[DeclaredColumn] = []
        #: Words NOT NULL, by their column.
        required: dict[str, Token] = {}
        key: tuple[str, ...] = ()
        while True:
            word = self._peek()
            if word is not None and word.token_type == TokenType.PRIMARY_KEY:
                self._once(word, key)
                self._at += 1
                key = self._names()
            elif word is not None and self._is("CONSTRAINT"):
                raise self._refuse("constraints have no names here", span(word), hint=_PLAIN_KEY)
            else:
                named = self._peek()
                name = self._name("the name of a column")
                if named is not None and any(c.name.lower() == name.lower() for c in columns):
                    raise self._refuse(f"{name} is declared twice", span(named))
                columns.append(DeclaredColumn(name=name, type=self._type()))
                key = self._column_rest(name, key, required)
            if self._is(")"):
                break
            self._expect(",")
        self._expect(")")
        for name, word in required.items():
            if name.lower() not in {part.lower() for part in key}:
                raise self._refuse(
                    "NOT NULL has no equal here: columns that are no key take NULL",
                    span(word),
                    hint="leave it out; WHERE … IS NOT NULL leaves rows out",
                )
        return tuple(columns), key

    def _column_rest(
        self, name: str, key: tuple[str, ...], required: dict[str, Token]
    ) -> tuple[str, ...]:
        """Read what follows the type of a column; return the key."""
        while (word := self._peek()) is not None and word.text not in {",", ")"}:
            self._at += 1
            if word.token_type == TokenType.PRIMARY_KEY:
                self._once(word, key)
                key = (name,)
            elif word.text.upper() == "NOT" and self._is("NULL"):
                self._at += 1
                required[name] = word
            elif word.text.upper() not in {"NULL", *_CONSTRAINTS}:
                raise self._refuse("a comma or ) is expected here", span(word))
            elif word.text.upper() != "NULL":
                raise self._refuse(
                    f"{word.text.upper()} of a column has no equal here",
                    span(word),
                    hint="a column has a name and a type, and may be the PRIMARY KEY",
                )
        return key

    def _once(self, word: Token, key: tuple[str, ...]) -> None:
        if key:
            raise self._refuse("there is a PRIMARY KEY already", span(word), hint=_PLAIN_KEY)

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        names = [self._name("the name of a column")]
        while self._is(","):
            self._at += 1
            names.append(self._name("the name of a column"))
        self._expect(")")
        return tuple(names)

    def _type(self) -> str:
        """Return a type as written: a word or two, and its sizes in brackets."""
        first = last = self._next("the type of the column")
        if not (first.token_type == TokenType.IDENTIFIER or first.text.isidentifier()):
            raise self._refuse("the type of the column is expected here", span(first))
        if (
            first.text.upper() in _LONGER
            and (word := self._peek()) is not None
            and (word.text.upper() in _LONGER[first.text.upper()])
        ):
            last = self._next("")
        if self._is("("):
            while not self._is(")"):
                self._next(") after the size")
            last = self._next(")")
        written = self._sql[first.start : last.end + 1]
        # [int] is int.
        return written.replace("[", "").replace("]", "")

    def _options(self) -> dict[str, Value]:
        self._expect("WITH")
        options: dict[str, Value] = {}
        while True:
            word = self._peek()
            name = self._name("the name of an option")
            if word is not None and any(name.lower() == known.lower() for known in options):
                raise self._refuse(f"the option {name} is given twice", span(word))
            options[name] = True
            if self._is("="):
                self._at += 1
                options[name] = self._value()
            if not self._is(","):
                return options
            self._at += 1

    def _value(self) -> Value:
        word = self._next("the value of the option")
        if word.token_type == TokenType.NUMBER:
            return float(word.text) if not word.text.isdigit() else int(word.text)
        if word.text.upper() in {"TRUE", "FALSE"} and not _is_quoted(word):
            return word.text.upper() == "TRUE"
        return word.text

    def _query(self, alone: str) -> str:
        word = self._peek()
        if word is None:
            return _everything(alone)
        if self._is_query(0):
            end = self._words[-1].end
            return self._sql[word.start : end + 1]
        names = [self._part("SELECT or the name of a table")]
        while self._is("."):
            self._at += 1
            names.append("" if self._is(".") else self._part("the name of a table"))
        after = self._peek()
        if after is not None:
            raise self._refuse("nothing is expected after the table", span(after))
        return _everything(*names)


def _everything(*names: str) -> str:
    table = ".".join(_bracketed(name) if name else "" for name in names)
    return f"SELECT * FROM {table}"  # noqa: S608 (planned and checked like any query)


def _bare(name: str) -> str:
    """Return a part of a name, in brackets if a dot in it would read as a separator."""
    return _bracketed(name) if "." in name and not name.startswith("[") else name


def _bracketed(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"
