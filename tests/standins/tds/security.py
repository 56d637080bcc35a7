"""CREATE LOGIN, CREATE USER, roles, GRANT, DENY and REVOKE."""

from collections.abc import Sequence
from dataclasses import replace

from standins.tds.catalog import Grant
from standins.tds.errors import ServerError, syntax_error
from standins.tds.lexer import Token, find, name_parts, split_commas, unquote, words
from standins.tds.permissions import Login, User
from standins.tds.session import Session
from standins.tds.storage import describe


def create_login(session: Session, tokens: Sequence[Token]) -> None:
    """CREATE LOGIN name WITH PASSWORD = '..'."""
    name = unquote(tokens[2].text)
    password = next((unquote(t.text) for t in tokens if t.kind == "text"), "")
    if name.lower() in session.engine.logins:
        raise ServerError(15025, f"The server principal '{name}' already exists.")
    session.engine.logins[name.lower()] = Login(name=name, password=password)
    session.engine.save()


def create_user(session: Session, tokens: Sequence[Token]) -> None:
    """CREATE USER name FOR LOGIN login."""
    name = unquote(tokens[2].text)
    at = find(tokens, "LOGIN")
    login = session.engine.logins.get(unquote(tokens[at + 1].text if at else name).lower())
    if login is None:
        raise ServerError(15007, f"'{name}' is not a valid login or you do not have permission.")
    login.users[session.database.lower()] = User(name=name)
    session.engine.save()


def drop_login(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    """DROP LOGIN."""
    name = unquote(item[0].text)
    if session.engine.logins.pop(name.lower(), None) is None and not quiet:
        raise ServerError(15151, f"Cannot drop the login '{name}', because it does not exist.")
    session.engine.save()


def drop_user(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    """DROP USER."""
    name = unquote(item[0].text)
    login = _login(session, name)
    if login is None:
        if quiet:
            return
        raise ServerError(15151, f"Cannot drop the user '{name}', because it does not exist.")
    del login.users[session.database.lower()]
    session.engine.save()


def _login(session: Session, user: str) -> Login | None:
    database = session.database.lower()
    for login in session.engine.logins.values():
        found = login.users.get(database)
        if found and found.name.lower() == user.lower():
            return login
    return None


def _user(session: Session, name: str) -> User:
    login = _login(session, name)
    if login is None:
        raise ServerError(
            15151, f"Cannot find the user '{name}', because it does not exist or you do not have "
            "permission."
        )  # fmt: skip
    return login.users[session.database.lower()]


def _grantee(session: Session, name: str) -> str:
    """Return whom a right is for: a user, or the role of all of them."""
    return name if name.lower() == "public" else _user(session, name).name


def alter_role(session: Session, tokens: Sequence[Token]) -> None:
    """ALTER ROLE role ADD MEMBER user, or DROP MEMBER."""
    role, user = unquote(tokens[2].text).lower(), _user(session, unquote(tokens[-1].text))
    if tokens[3].word == "ADD":
        user.roles.add(role)
    else:
        user.roles.discard(role)
    session.engine.save()


def grant(session: Session, tokens: Sequence[Token]) -> None:
    """GRANT, DENY or REVOKE permissions on a table, a schema or the database."""
    if not session.login.administrator:
        raise ServerError(4613, "Grantor does not have GRANT permission.")
    verb = tokens[0].word
    to = find(tokens, "FROM" if verb == "REVOKE" else "TO") or find(tokens, "TO")
    if to is None:
        raise syntax_error(tokens[-1].text)
    on = find(tokens, "ON")
    kinds = [" ".join(words(item)) for item in split_commas(tokens[1 : on or to])]
    people = [unquote(item[0].text) for item in split_commas(tokens[to + 1 :])]
    made = [
        Grant(permission=kind, user=_grantee(session, name), denied=verb == "DENY")
        for kind in kinds
        for name in people
    ]
    place = tokens[on + 1 : to] if on else ()
    if place and place[0].word == "SCHEMA":
        _on_users(session, name_parts(place[3:])[-1], made, verb)
    elif place:
        start = 3 if place[0].word == "OBJECT" and place[1].text == ":" else 0
        _on_table(session, name_parts(place[start:]), made, verb)
    else:
        _on_users(session, "", made, verb)
    session.engine.plans.clear()
    session.answer.done()


def _merged(now: Sequence[Grant], made: Sequence[Grant], verb: str) -> list[Grant]:
    changed = {(g.permission, g.user.lower()) for g in made}
    kept = [g for g in now if (g.permission, g.user.lower()) not in changed]
    return kept if verb == "REVOKE" else [*kept, *made]


def _on_users(session: Session, place: str, made: Sequence[Grant], verb: str) -> None:
    for one in made:
        user = _user(session, one.user)
        user.grants[place] = _merged(user.grants.get(place, []), [one], verb)
    session.engine.save()


def _on_table(session: Session, parts: Sequence[str], made: Sequence[Grant], verb: str) -> None:
    table = session.find(parts)
    if table is None:
        raise ServerError(
            15151, f"Cannot find the object '{parts[-1]}', because it does not exist or you do not "
            "have permission."
        )  # fmt: skip
    with session.transaction.atomic(changes=[table]):
        describe(session, replace(table, grants=tuple(_merged(table.grants, made, verb))))
