"""Which function runs a statement, by its first word."""

from collections.abc import Sequence

from standins.tds import alter, bulk, control, ddl, dml, query, security
from standins.tds.lexer import Token
from standins.tds.procedures import execute
from standins.tds.session import Session, StatementRunner

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


def _insert(session: Session, tokens: Sequence[Token]) -> None:
    if tokens[1].word == "BULK":
        bulk.insert_bulk(session, tokens)
    else:
        dml.write(session, tokens)


def _with(session: Session, tokens: Sequence[Token]) -> None:
    """A statement after common table expressions: the first word outside of parentheses counts."""
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if not depth and token.word in _WRITES:
            dml.write(session, tokens)
            return
    query.select(session, tokens)


STATEMENTS: dict[str, StatementRunner] = {
    "SELECT": query.select,
    "WITH": _with,
    "INSERT": _insert,
    "UPDATE": dml.write,
    "DELETE": dml.write,
    "MERGE": dml.write,
    "CREATE": ddl.create_object,
    "DROP": ddl.drop_object,
    "TRUNCATE": ddl.truncate,
    "ALTER": alter.alter,
    "GRANT": security.grant,
    "DENY": security.grant,
    "REVOKE": security.grant,
    "EXEC": execute,
    "EXECUTE": execute,
    "DECLARE": control.declare,
    "SET": control.set_option,
    "PRINT": control.print_message,
    "RAISERROR": control.raise_error,
    "THROW": control.throw,
    "WAITFOR": control.wait_for,
    "RETURN": control.return_from,
    "BREAK": control.break_loop,
    "CONTINUE": control.continue_loop,
    "USE": control.use,
    "BEGIN": control.begin,
    "COMMIT": control.commit,
    "ROLLBACK": control.rollback,
    "SAVE": control.save,
    "CHECKPOINT": control.accept,
    "KILL": control.kill,
}
