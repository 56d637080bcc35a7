"""CData's REPLICATE statement, read into a record; what it means is the project's business."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType

from syncline.model.table import Value
from syncline.query.dialect import span, tokens_of
from syncline.query.pointing import Refuse, refusing

_NAMES = frozenset({TokenType.IDENTIFIER, TokenType.VAR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """``REPLICATE target (columns, PRIMARY KEY (key)) WITH options query``."""

    #: Name of the table to write.
    target: str
    #: The query; a table alone is written as a query of all its columns.
    query: str
    #: Name and SQL type of the columns, if the statement has them.
    columns: tuple[tuple[str, str], ...] = ()
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
        columns, key = self._columns() if self._is("(") and not self._is_query(1) else ((), ())
        options = self._options() if self._is("WITH") and not self._is_cte() else {}
        return Replicate(
            target=target, query=self._query(target), columns=columns, key=key, options=options
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
        word = self._next(what)
        # A keyword such as Date may be a name; signs and texts may not.
        if not (word.token_type in _NAMES or word.text.isidentifier()) or (
            word.token_type == TokenType.STRING
        ):
            raise self._refuse(f"{what} is expected here", span(word))
        if self._is("."):
            self._at += 1
            return f"{_bare(word.text)}.{_bare(self._name(what))}"
        return word.text

    def _columns(self) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        self._expect("(")
        columns: list[tuple[str, str]] = []
        key: tuple[str, ...] = ()
        while True:
            word = self._peek()
            if word is not None and word.token_type == TokenType.PRIMARY_KEY:
                self._at += 1
                key = self._names()
            else:
                name = self._name("the name of a column")
                columns.append((name, self._type()))
            if self._is(")"):
                break
            self._expect(",")
        self._expect(")")
        return tuple(columns), key

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        names = [self._name("the name of a column")]
        while self._is(","):
            self._at += 1
            names.append(self._name("the name of a column"))
        self._expect(")")
        return tuple(names)

    def _type(self) -> str:
        """Return a type as written: everything up to the comma or bracket that ends it."""
        first = last = self._next("the type of the column")
        depth = 0
        while (word := self._peek()) is not None:
            if depth == 0 and word.text in {",", ")"}:
                break
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            last = self._next("the type of the column")
        return self._sql[first.start : last.end + 1]

    def _options(self) -> dict[str, Value]:
        self._expect("WITH")
        options: dict[str, Value] = {}
        while True:
            name = self._name("the name of an option")
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

    def _query(self, target: str) -> str:
        word = self._peek()
        if word is None:
            return _everything(target)
        if self._is_query(0):
            end = self._words[-1].end
            return self._sql[word.start : end + 1]
        name = self._name("SELECT or the name of a table")
        after = self._peek()
        if after is not None:
            raise self._refuse("nothing is expected after the table", span(after))
        return _everything(name)


def _everything(table: str) -> str:
    return f"SELECT * FROM {_bracketed(table)}"  # noqa: S608 (planned and checked like any query)


def _bare(name: str) -> str:
    """Return a part of a name, in brackets if a dot in it would read as a separator."""
    return _bracketed(name) if "." in name and not name.startswith("[") else name


def _bracketed(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"
