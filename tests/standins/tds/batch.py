"""A batch as a tree of statements, IF, WHILE, BEGIN .. END and TRY .. CATCH."""

from collections.abc import Sequence
from dataclasses import dataclass

from standins.tds.errors import ServerError, syntax_error
from standins.tds.lexer import Token, tokenize, word_set

_STARTERS = word_set(
    "SELECT INSERT UPDATE DELETE MERGE CREATE ALTER DROP TRUNCATE IF ELSE WHILE BEGIN END "
    "DECLARE SET EXEC EXECUTE PRINT RAISERROR THROW COMMIT ROLLBACK SAVE USE RETURN WITH "
    "GRANT REVOKE DENY WAITFOR BREAK CONTINUE KILL CHECKPOINT"
)
_QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"})
#: CREATE of these takes the rest of the batch.
_BODIES = frozenset({"VIEW", "PROC", "PROCEDURE", "FUNCTION", "TRIGGER", "OR"})
#: CREATE of these must begin a batch.
_ALONE = frozenset(
    {"SCHEMA", "VIEW", "PROC", "PROCEDURE", "FUNCTION", "TRIGGER", "DEFAULT", "RULE"}
)
_AFTER_WITH = frozenset({"(", "TIES", "CHECK", "NOCHECK", "PASSWORD", "GRANT"})
_INSERT_SOURCES = frozenset({"SELECT", "EXEC", "VALUES"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement."""

    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """BEGIN .. END."""

    body: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class If:
    """IF condition body ELSE other."""

    condition: tuple[Token, ...]
    body: "Node"
    other: "Node | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class While:
    """WHILE condition body."""

    condition: tuple[Token, ...]
    body: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """BEGIN TRY body END TRY BEGIN CATCH caught END CATCH."""

    body: "tuple[Node, ...]"
    caught: "tuple[Node, ...]"


Node = Statement | Block | If | While | Try


def parse_batch(text: str) -> tuple[Node, ...]:
    """Return the statements of a batch. Raises 102 and what `tokenize` raises."""
    return _Reader(tokenize(text)).nodes()


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def nodes(self, *stop: str) -> tuple[Node, ...]:
        found = []
        while self._at < len(self._tokens) and not self._is(stop):
            if self._word() == ";":
                self._at += 1
            else:
                found.append(self._node())
        if stop:
            if self._at >= len(self._tokens):
                raise syntax_error(self._tokens[-1].text)
            self._at += len(stop)
        return tuple(found)

    def _is(self, stop: Sequence[str]) -> bool:
        return bool(stop) and all(self._word(n) == word for n, word in enumerate(stop))

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].word if at < len(self._tokens) else ""

    def _skip_semicolons(self) -> None:
        while self._word() == ";":
            self._at += 1

    def _node(self) -> Node:
        word = self._word()
        if word == "BEGIN" and self._word(1) == "TRY":
            return self._try()
        if word == "BEGIN" and self._word(1) not in {"TRAN", "TRANSACTION", "DISTRIBUTED"}:
            self._at += 1
            return Block(body=self.nodes("END"))
        if word in {"IF", "WHILE"}:
            return self._conditional(word)
        if word not in _STARTERS and not (self._tokens[self._at].is_name and not self._at):
            raise syntax_error(self._tokens[self._at].text)
        if word == "CREATE" and self._at and self._word(1) in _ALONE:
            raise ServerError(
                111, f"'CREATE {self._word(1)}' must be the first statement in a query batch."
            )
        start, statement = self._at, _Statement(self._tokens, self._at)
        self._at = statement.end()
        if statement.first == "MERGE" and self._word() != ";":
            raise ServerError(10713, "A MERGE statement must be terminated by a semi-colon (;).")
        return Statement(tokens=tuple(self._tokens[start : self._at]))

    def _try(self) -> Try:
        self._at += 2
        body = self.nodes("END", "TRY")
        self._skip_semicolons()
        if (self._word(), self._word(1)) != ("BEGIN", "CATCH"):
            raise syntax_error("TRY")
        self._at += 2
        return Try(body=body, caught=self.nodes("END", "CATCH"))

    def _conditional(self, word: str) -> If | While:
        start = self._at + 1
        self._at = _Statement(self._tokens, self._at).end()
        condition = tuple(self._tokens[start : self._at])
        if not condition or self._at >= len(self._tokens):
            raise syntax_error(word)
        body = self._node()
        if word == "WHILE":
            return While(condition=condition, body=body)
        before = self._at
        self._skip_semicolons()
        if self._word() == "ELSE":
            self._at += 1
            return If(condition=condition, body=body, other=self._node())
        self._at = before
        return If(condition=condition, body=body, other=None)


class _Statement:
    """Looks for the end of the statement that starts at a token.

    T-SQL needs no semicolons, so a statement ends where a word stands that starts another one
    and cannot be a part of this one.
    """

    def __init__(self, tokens: Sequence[Token], start: int) -> None:
        self._tokens = tokens
        self._start = start
        self._seen: set[str] = set()
        self._cases = 0
        #: The first word; after common table expressions, that of the statement itself.
        self.first = tokens[start].word

    def end(self) -> int:
        """Return the index of the token after it."""
        second = self._word(self._start + 1)
        if self.first in {"CREATE", "ALTER"} and second in _BODIES:
            return len(self._tokens)
        to_semicolon = (self.first, second) == ("ALTER", "DATABASE")
        depth = 0
        for at in range(self._start + 1, len(self._tokens)):
            token = self._tokens[at]
            depth += (token.word == "(") - (token.word == ")")
            if depth < 0:
                return at
            if depth or token.kind not in {"name", "operator"}:
                continue
            if token.word == ";":
                return at
            if not to_semicolon and self.first != "MERGE" and self._ends(at):
                return at
        return len(self._tokens)

    def _word(self, at: int) -> str:
        return self._tokens[at].word if at < len(self._tokens) else ""

    def _ends(self, at: int) -> bool:
        word = self._tokens[at].word
        if word == "CASE":
            self._cases += 1
        elif self._cases:
            self._cases -= word == "END"
        elif word in _STARTERS:
            if self.first == "WITH" and word in _QUERIES:
                self.first = word
                return False
            if not self._continues(at):
                return True
        self._seen.add("EXEC" if word == "EXECUTE" else word)
        return False

    def _continues(self, at: int) -> bool:
        """Tell whether a word that can start a statement belongs to the one under way."""
        first, seen = self.first, self._seen
        before, after = self._tokens[at - 1].word, self._word(at + 1)
        source_missing = first == "INSERT" and not seen & _INSERT_SOURCES
        alters = first == "ALTER" and not seen & {"ALTER", "DROP", "ADD"}
        answers = {
            "SELECT": before in {"UNION", "ALL", "EXCEPT", "INTERSECT"} or source_missing,
            "EXEC": source_missing,
            "EXECUTE": source_missing,
            "SET": first == "ALTER" or (first == "UPDATE" and "SET" not in seen),
            "UPDATE": before == "ON",
            "DELETE": before == "ON",
            "IF": first in {"DROP", "ALTER"},
            "ALTER": alters,
            "DROP": alters,
            "WITH": after in _AFTER_WITH,
        }
        grants = first in {"GRANT", "REVOKE", "DENY"}
        return grants or answers.get(self._tokens[at].word, False)
