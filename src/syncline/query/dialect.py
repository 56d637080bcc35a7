"""The SQL users write, T-SQL with the freedoms of CData, parsed to one read-only query."""

import math
from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from syncline.model.table import Value
from syncline.query.pointing import Refuse
from syncline.query.wordings import REFUSED, WORDINGS

#: Functions whose usual parsing loses what the user wrote; they arrive as they are, under this
#: prefix, and `functions` gives them their meaning.
OWN = "TSQL_"
_OWN = frozenset(
    {
        *(name for name, _ in WORDINGS),
        *REFUSED,
        "DATEADD",
        "DATEDIFF",
        "DATEDIFF_BIG",
        "DATENAME",
        "DATEPART",
        "DATETRUNC",
        "DATE_TRUNC",
        "FORMAT",
        "ISDATE",
        "PATINDEX",
        "QUOTENAME",
        "STR",
    }
    # CHAR and NCHAR are types, too; the others arrive whole.
) - {"CHAR", "NCHAR", "IIF", "VAR", "VARP", "STDEVP", "GETUTCDATE", "SYSUTCDATETIME"}


class Written(TSQL):
    """T-SQL, except that TIMESTAMP is a moment (as in CData's SQL), not a row version."""

    class Tokenizer(TSQL.Tokenizer):
        """Reads ``[name]`` and ``"name"`` as identifiers."""

        KEYWORDS = {  # noqa: RUF012 (sqlglot's own form)
            **TSQL.Tokenizer.KEYWORDS,
            "TIMESTAMP": TokenType.TIMESTAMP,
        }


_DIALECT = Written()

#: Words that cannot follow a comma.
_NOTHING = frozenset({TokenType.COMMA, TokenType.FROM, TokenType.R_PAREN, TokenType.WHERE})
#: What comes after parsing is recursive.
_DEEPEST = 200
#: Parsing is so too, and compiled: too deep a text would end the process. These open a level.
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_MATCHING = frozenset({TokenType.ON, TokenType.USING})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
#: A column may be named END, so there is a bound to all, too.
_MOST_CASES = 3000
#: Joins that wait for their ON: each doubles the time that parsing takes.
_MOST_WAITING = 12

#: What a read-only query over an API has no use for, and how to do without.
_FORBIDDEN: Mapping[type[exp.Expr], tuple[str, str]] = {
    exp.Into: (
        "SELECT INTO is not possible here",
        "the task's target says where the rows go; leave INTO out",
    ),
    exp.DML: ("only a query can be used here", "write one SELECT"),
    exp.DDL: ("only a query can be used here", "write one SELECT"),
    exp.Command: ("only a query can be used here", "write one SELECT"),
    exp.Pivot: ("PIVOT is not supported", "use CASE with GROUP BY"),
    exp.TableSample: ("TABLESAMPLE is not supported", "use TOP or a WHERE"),
    exp.Placeholder: ("? has no value", "use a named parameter such as @name"),
    exp.SessionParameter: ("there are no session variables here", "use a parameter such as @name"),
    exp.Lock: ("a query of an API cannot lock rows", "leave FOR UPDATE out"),
    exp.MatchRecognize: ("MATCH_RECOGNIZE is not supported", "use window functions"),
    exp.ForClause: ("FOR XML and FOR JSON are not supported", "select the columns themselves"),
}


def tokens_of(sql: str, refuse: Refuse) -> list[Token]:
    """Split SQL into words.

    Raises:
        QueryError: a quote, bracket or comment is not closed.
    """
    try:
        return list(_DIALECT.tokenize(sql))
    except TokenError as error:
        start = _unclosed(sql)
        raise refuse(
            "a quote, bracket or comment is opened here and never closed",
            (start, start),
        ) from error


def parse(sql: str, parameters: Mapping[str, Value], refuse: Refuse) -> exp.Query:
    """Parse the one query that ``sql`` is, with values in the place of ``@name``.

    Raises:
        QueryError: it is not SQL, more than one statement, or anything but a query; a parameter
            has no value, or a value no parameter.
    """
    words = _one_query(tokens_of(sql, refuse), refuse)
    if _nests(words):
        raise _too_deep(refuse)
    try:
        bound = _own_words(_bound(words, parameters, refuse))
        parsed = _DIALECT.parser().parse(bound, sql)[0]
    except ParseError as error:
        raise _syntax_error(sql, words, error, refuse) from error
    except RecursionError as error:
        raise _too_deep(refuse) from error
    except (AttributeError, TypeError, ValueError) as error:
        # sqlglot's parser trips over some texts that are not SQL, such as SELECT a.* = b.
        raise refuse("the query cannot be understood", span(words[0])) from error
    if not isinstance(parsed, exp.Query):
        raise refuse("this is not a query", span(words[0]), hint="write one SELECT")
    if _depth(parsed) > _DEEPEST:
        raise _too_deep(refuse)
    _check(parsed, refuse)
    for node in parsed.walk():
        # A remark is no part of the query: the same query without it is the same content.
        node.pop_comments()
    while isinstance(parsed, exp.Subquery) and parsed.is_wrapper:
        parsed = parsed.this
    return parsed


def _nests(words: Sequence[Token]) -> bool:
    """Say whether a text is nested too deeply to be parsed."""
    depth = cases = inside = others = waiting = 0
    for last, word in zip([words[0], *words], words, strict=False):
        kind, before = word.token_type, last.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        cases += kind is TokenType.CASE
        inside = max(0, inside + (kind is TokenType.CASE) - (kind is TokenType.END))
        others += kind is TokenType.LT and before in Parser.NESTED_TYPE_TOKENS
        others += kind is before is TokenType.FROM
        waiting += kind is TokenType.JOIN and before is not TokenType.CROSS
        waiting = max(0, waiting - (kind in _MATCHING))
        deepest = max(depth, inside, others)
        if deepest > _DEEPEST or cases > _MOST_CASES or waiting > _MOST_WAITING:
            return True
    return False


def _too_deep(refuse: Refuse) -> Exception:
    return refuse("the query is nested too deeply", hint="split long chains of operators")


def _depth(query: exp.Expr) -> int:
    """Return how deep nodes are nested, where a chain of AND or OR counts once."""
    deepest, waiting = 0, [(query, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        for child in node.iter_expressions():
            chained = isinstance(node, exp.Connector) and isinstance(child, type(node))
            waiting.append((child, depth if chained else depth + 1))
    return deepest


def span(word: Token) -> tuple[int, int]:
    """Return first and last offset of a word."""
    return word.start, word.end


def _one_query(words: list[Token], refuse: Refuse) -> list[Token]:
    """Return the words without semicolons at the end, if they can be one query."""
    while words and words[-1].token_type == TokenType.SEMICOLON:
        words.pop()
    if not words:
        raise refuse("the query is empty", hint="write for example: SELECT * FROM [table]")
    first = words[0]
    if first.text.upper() == "REPLICATE":
        raise refuse("REPLICATE is a whole task, not a query", span(first), hint="write SELECT")
    if first.token_type not in {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}:
        raise refuse(
            f"a query begins with SELECT or WITH, not with {first.text.upper()}",
            span(first),
            hint="only one query that reads can be used here",
        )
    for at, word in enumerate(words):
        if word.token_type == TokenType.SEMICOLON:
            after = words[at + 1]
            raise refuse(
                "only one statement can be used here",
                span(after),
                hint="make a task of each query",
            )
        following = words[at + 1].token_type if at + 1 < len(words) else TokenType.COMMA
        if word.token_type == TokenType.COMMA and following in _NOTHING:
            raise refuse("something is missing after the comma", span(word))
    return words


def _bound(words: Sequence[Token], parameters: Mapping[str, Value], refuse: Refuse) -> list[Token]:
    """Put values in the place of ``@name``, without regard to the case of names."""
    values = {name.lstrip("@").lower(): value for name, value in parameters.items()}
    used: set[str] = set()
    result: list[Token] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.token_type != TokenType.PARAMETER:
            result.append(word)
            continue
        named = words[at] if at < len(words) else word
        name, place = named.text, (word.start, named.end)
        if named.start != word.end + 1 or named.token_type == TokenType.PARAMETER:
            raise refuse("@ begins the name of a parameter", place, hint="write for example @since")
        at += 1
        if name.lower() not in values:
            raise refuse(
                f"the parameter @{name} has no value",
                place,
                hint=f"give the task a value for {name}",
            )
        used.add(name.lower())
        value = values[name.lower()]
        if isinstance(value, float) and not math.isfinite(value):
            raise refuse(f"the parameter @{name} is not a number: {value}", place)
        result += [_moved(text, kind, word, named) for kind, text in _literal(value)]
    unused = sorted(name for name in parameters if name.lstrip("@").lower() not in used)
    if unused:
        raise refuse(
            f"the query does not use {' and '.join('@' + name.lstrip('@') for name in unused)}",
            hint="write @name where the value belongs, or remove the parameter",
        )
    return result


def _literal(value: Value) -> list[tuple[TokenType, str]]:
    if isinstance(value, bool):
        return [(TokenType.TRUE, "TRUE") if value else (TokenType.FALSE, "FALSE")]
    if isinstance(value, str):
        return [(TokenType.STRING, value)]
    if value < 0:
        # In parentheses, so that a sign before it stays another sign.
        number = (TokenType.NUMBER, repr(-value))
        return [(TokenType.L_PAREN, "("), (TokenType.DASH, "-"), number, (TokenType.R_PAREN, ")")]
    return [(TokenType.NUMBER, repr(value))]


def _own_words(words: Sequence[Token]) -> list[Token]:
    """Rename the functions in `OWN`, and make an operator of CONTAINS between two values."""
    result = []
    for at, word in enumerate(words):
        name = word.text.upper()
        called = at + 1 < len(words) and words[at + 1].token_type == TokenType.L_PAREN
        after_dot = at > 0 and words[at - 1].token_type == TokenType.DOT
        quoted = word.token_type in {TokenType.IDENTIFIER, TokenType.STRING}
        if called and name in _OWN and not after_dot and not quoted:
            result.append(_moved(OWN + name, TokenType.VAR, word, word))
        elif name == "CONTAINS" and word.token_type == TokenType.VAR and _between(words, at):
            # GLOB has the same grammar; `functions` turns it into contains().
            result.append(_moved(name, TokenType.GLOB, word, word))
        else:
            result.append(word)
    return result


def _between(words: Sequence[Token], at: int) -> bool:
    """Say whether the word at ``at`` stands between a value and a text or parameter."""
    before, after = words[at - 1 : at], words[at + 1 : at + 2]
    ends = {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.R_PAREN,
        TokenType.STRING,
        TokenType.NOT,
    }
    return (
        bool(before and after)
        and before[0].token_type in ends
        and after[0].token_type == TokenType.STRING
    )


def _moved(text: str, kind: TokenType, first: Token, last: Token) -> Token:
    """Return a word that stands where those from ``first`` to ``last`` stood."""
    return Token(kind, text=text, line=first.line, col=first.col, start=first.start, end=last.end)


def _check(query: exp.Query, refuse: Refuse) -> None:
    for node in query.walk():
        # How SQL Server is to go about it does not matter here, as with its hints of tables.
        node.args.pop("options", None) if isinstance(node, exp.Query) else None
        for kind, (message, hint) in _FORBIDDEN.items():
            if isinstance(node, kind):
                raise refuse(message, node, hint=hint)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Dot):
            raise refuse(
                "a table has at most two names before its own",
                node,
                hint="write [Connection].[Schema].[Table], or the table alone",
            )
        function = isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier)
        applied = isinstance(node, exp.Lateral) and not isinstance(node.this, exp.Subquery)
        if function or applied:
            raise refuse(
                "only tables of the source can be read, not functions or files",
                node,
                hint="SELECT * FROM sys_tables lists the tables",
            )
        if isinstance(node, exp.Select) and not node.expressions:
            raise refuse("SELECT names no columns", hint="write SELECT * for all of them")
        options = node.args.get("limit_options")
        if options and (options.args.get("percent") or options.args.get("with_ties")):
            raise refuse("TOP … PERCENT and WITH TIES are not supported", hint="use TOP n")


def _syntax_error(sql: str, words: Sequence[Token], error: ParseError, refuse: Refuse) -> Exception:
    detail = error.errors[0] if error.errors else {}
    before, wrong = detail.get("start_context") or "", detail.get("highlight") or ""
    line, col = detail.get("line"), detail.get("col")
    at = next(
        (span(word) for word in words if (word.line, word.col) == (line, col)),
        (len(sql), len(sql)),
    )
    description = str(detail.get("description") or "")
    if "SENTINEL" in description or "Required keyword" in description:
        message = (
            f"something is missing after {wrong or before}" if wrong else "something is missing"
        )
    elif description.startswith("Expecting"):
        message = f"{description.lower().rstrip('.')} is expected here".replace("expecting ", "")
    else:
        message = f"{wrong!r} is not understood here" if wrong else "this is not understood"
    return refuse(message, at, hint="text values stand in single quotes, odd names in [brackets]")


def _unclosed(sql: str) -> int:
    """Return where the first quote, bracket or comment begins that has no end."""
    at = 0
    closing = {"'": "'", '"': '"', "[": "]"}
    while at < len(sql):
        if sql.startswith("--", at):
            end = sql.find("\n", at)
            if end < 0:
                break
        elif sql.startswith("/*", at):
            end = sql.find("*/", at + 2)
            if end < 0:
                return at
            end += 1
        elif sql[at] in closing:
            end = sql.find(closing[sql[at]], at + 1)
            if end < 0:
                return at
        else:
            end = at
        at = end + 1
    return max(len(sql) - 1, 0)
