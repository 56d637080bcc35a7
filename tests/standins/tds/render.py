"""T-SQL tokens as text that sqlglot reads: hints set aside, own functions and variables marked."""

from collections.abc import Sequence

from standins.tds.lexer import Token, closing, word_set

_HINTS = word_set(
    "NOLOCK HOLDLOCK TABLOCK TABLOCKX UPDLOCK ROWLOCK XLOCK READPAST READCOMMITTED "
    "READCOMMITTEDLOCK SERIALIZABLE READUNCOMMITTED REPEATABLEREAD SNAPSHOT PAGLOCK NOWAIT "
    "FORCESEEK FORCESCAN KEEPIDENTITY KEEPDEFAULTS INDEX IGNORE_CONSTRAINTS NOEXPAND"
)
_LOCKING = frozenset({"UPDLOCK", "XLOCK", "TABLOCKX"})

#: Functions that sqlglot would read in a way that loses what T-SQL means.
OWN_FUNCTIONS = word_set(
    "OBJECT_ID OBJECT_NAME OBJECT_SCHEMA_NAME COL_LENGTH COL_NAME COLUMNPROPERTY "
    "OBJECTPROPERTY SCHEMA_NAME SCHEMA_ID TYPE_NAME TYPE_ID SUSER_NAME SUSER_SNAME USER_NAME "
    "ORIGINAL_LOGIN DB_NAME DB_ID HOST_NAME APP_NAME COUNT_BIG LEN DATALENGTH NEWID "
    "NEWSEQUENTIALID QUOTENAME GETDATE GETUTCDATE SYSDATETIME SYSUTCDATETIME "
    "SYSDATETIMEOFFSET HASHBYTES ISNUMERIC ISDATE SPACE REPLICATE SQUARE NCHAR STR "
    "ERROR_NUMBER ERROR_MESSAGE ERROR_SEVERITY ERROR_STATE ERROR_LINE ERROR_PROCEDURE "
    "XACT_STATE SCOPE_IDENTITY IDENT_CURRENT SERVERPROPERTY DATABASEPROPERTYEX HAS_DBACCESS "
    "HAS_PERMS_BY_NAME IS_SRVROLEMEMBER IS_MEMBER IS_ROLEMEMBER APPLOCK_MODE APPLOCK_TEST "
    "CONNECTIONPROPERTY ROWCOUNT_BIG ISJSON JSON_VALUE CHECKSUM BINARY_CHECKSUM "
    "TODATETIMEOFFSET SWITCHOFFSET STUFF CHARINDEX UNICODE ISNULL CONTEXT_INFO "
    "SESSION_CONTEXT CURRENT_REQUEST_ID FORMATMESSAGE"
)
OWN_PREFIX = "tds_"
SYSTEM_VARIABLE = "__"


def render(tokens: Sequence[Token]) -> str:
    """Return tokens as text for sqlglot."""
    parts, at = [], 0
    while at < len(tokens):
        if _is_hint(tokens, at):
            at = closing(tokens, at + 1) + 1
            continue
        token = tokens[at]
        following = tokens[at + 1].start if at + 1 < len(tokens) else token.end
        parts.append(_written(tokens, at) + (" " if following > token.end else ""))
        at += 1
    return "".join(parts)


def locks_rows(tokens: Sequence[Token]) -> bool:
    """Tell whether a query has a hint that keeps other writers away until the end."""
    return any(
        token.word in _LOCKING
        for at in range(len(tokens))
        if _is_hint(tokens, at)
        for token in tokens[at : closing(tokens, at + 1)]
    )


def _is_hint(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    if token.kind != "name" or at + 2 >= len(tokens) or tokens[at + 1].text != "(":
        return False
    return token.word == "OPTION" or (token.word == "WITH" and tokens[at + 2].word in _HINTS)


def _written(tokens: Sequence[Token], at: int) -> str:
    token = tokens[at]
    if token.kind == "text":
        return token.text[1:] if token.text[0] in "nN" else token.text
    if token.word.startswith("@@"):
        return "@" + SYSTEM_VARIABLE + token.text[2:].lower()
    if token.word == "$ACTION":
        return "merge_action"
    called = at + 1 < len(tokens) and tokens[at + 1].text == "("
    before = tokens[at - 1].word if at else ""
    if called and token.word in OWN_FUNCTIONS and before not in {".", "INTO", "TABLE", "JOIN"}:
        return OWN_PREFIX + token.word.lower()
    return token.text
