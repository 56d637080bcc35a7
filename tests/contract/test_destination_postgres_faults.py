"""PostgreSQL when things go wrong: killed, restarted, cut off, full, forbidden."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from standins import postgres
from standins.cutting import Proxy, cutting
from standins.postgres_place import Place, new_place
from syncline.destinations.postgres import Postgres
from syncline.errors import (
    CommitUnknown,
    CredentialError,
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    PermissionRefused,
    PropertyError,
    RecordRefused,
    SynclineError,
    Unavailable,
)
from syncline.load.checkpoint import last_checkpoint, prepare
from syncline.load.loader import load
from syncline.model.batch import Batch
from syncline.model.job import Deletes, Disposition
from syncline.testing.conformance_runs import Trial, contents, task, thing

_KILL = exp.select(exp.func("pg_terminate_backend", exp.func("pg_backend_pid")))
_ROWS = [thing(n) for n in range(6)]


@pytest.fixture
def place(postgres_server: postgres.Server) -> Place:
    return new_place(postgres_server)


@pytest.fixture
async def destination(place: Place) -> AsyncIterator[Postgres]:
    destination = place.open()
    yield destination
    await destination.aclose()


class Killed:
    """The destination, whose own server process is killed at a statement or ingest."""

    def __init__(self, inner: Postgres, at: int) -> None:
        self.traits = inner.traits
        self.describe, self.fetch, self.aclose = inner.describe, inner.fetch, inner.aclose
        self.passed = 0
        self._inner = inner
        self._at = at

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        if self._here():
            # Killed while nothing was under way: the next call finds out.
            with pytest.raises(Unavailable):
                await self._inner.execute([_KILL])
        await self._inner.ingest(table, records)

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int]:
        for number in range(len(statements) + 1):
            if self._here():
                statements = [*statements[:number], _KILL, *statements[number:]]
                break
        return await self._inner.execute(statements, lock=lock)

    def _here(self) -> bool:
        self.passed += 1
        return self.passed - 1 == self._at


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
async def test_the_server_process_is_killed_at_every_statement(
    destination: Postgres, disposition: Disposition
) -> None:
    """Killed at the first place, run again, killed one place later, until it is through."""
    trial = Trial(task=task(disposition=disposition))
    await prepare(destination, destination.traits.schema)
    place, kills, known = 0, 0, 0
    while True:
        try:
            await trial.run(Killed(destination, place), trial.rows(_ROWS))
            break
        except Unavailable:
            kills += 1
        partial = await contents(destination, trial.task)
        assert partial == _ROWS[: len(partial)]
        last = await last_checkpoint(destination, destination.traits.schema, trial.task.id)
        reached = last.generation if last else 0
        # After a commit, the run that goes on is killed from its first place on.
        place, known = (place + 1, known) if reached == known else (0, reached)
        assert kills < 100
    assert kills > 20
    assert known == 2
    assert await contents(destination, trial.task) == _ROWS


async def test_the_server_process_is_killed_while_committing(
    place: Place, destination: Postgres
) -> None:
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run(
        # A deferred trigger runs as part of COMMIT.
        """CREATE FUNCTION {s}.die() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$""",
        """CREATE CONSTRAINT TRIGGER die AFTER INSERT ON {s}."Things"
           DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.die()""",
    )
    with pytest.raises(CommitUnknown) as lost:
        await trial.run(destination, trial.rows(_ROWS[1:], at=100))
    assert lost.value.hint
    assert await contents(destination, trial.task) == _ROWS[:1]
    place.run('DROP TRIGGER die ON {s}."Things"')
    await trial.run(destination, trial.rows(_ROWS[1:], at=100))
    assert await contents(destination, trial.task) == _ROWS


class Staged:
    """The destination, cut off from its server at the first COMMIT after rows were staged."""

    def __init__(self, inner: Postgres, proxy: Proxy) -> None:
        self.traits = inner.traits
        self.describe, self.fetch, self.aclose = inner.describe, inner.fetch, inner.aclose
        self.execute = inner.execute
        self._inner, self._proxy = inner, proxy

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        await self._inner.ingest(table, records)
        self._proxy.word = b"COMMIT\0"


@pytest.mark.parametrize("deliver", [True, False], ids=["after", "before"])
async def test_the_network_is_cut_at_a_commit(place: Place, *, deliver: bool) -> None:
    async with cutting(place.server.port) as (proxy, port):
        destination = place.open(port=port)
        trial = Trial(task=task(commit_rows=100))
        await trial.run(destination, trial.rows(_ROWS[:1]))
        batches = trial.rows(_ROWS[1:], at=100, size=100)
        proxy.deliver = deliver
        if deliver:
            result = (await trial.run(Staged(destination, proxy), batches)).result
            assert result.read == 5
        else:
            with pytest.raises(CommitUnknown):
                await trial.run(Staged(destination, proxy), batches)
            assert await contents(destination, trial.task) == _ROWS[:1]
        assert proxy.cuts == 1
        outcome = await trial.run(destination, trial.rows(_ROWS[1:], at=100, size=100))
        assert outcome.result.inserted == (0 if deliver else 5)
        assert await contents(destination, trial.task) == _ROWS
        await destination.aclose()


@pytest.mark.parametrize("crash", [True, False], ids=["crash", "shutdown"])
async def test_the_server_restarts_in_mid_load(
    place: Place, destination: Postgres, *, crash: bool
) -> None:
    for after in range(4):
        trial = Trial(task=task(f"T{after}"))

        async def interrupted(trial: Trial = trial, after: int = after) -> AsyncGenerator[Batch]:
            for number, batch in enumerate(trial.rows(_ROWS)):
                if number == after:
                    # Batches are read ahead of what is committed.
                    while after and await contents(destination, trial.task) != _ROWS[: 2 * after]:
                        pass
                    place.server.stop(crash=crash)
                    place.server.start()
                yield batch

        work, _, _ = await trial.begin(destination)
        if after < 3:
            with pytest.raises(Unavailable):
                await load(interrupted(), work)
            partial = await contents(destination, trial.task)
            assert partial == _ROWS[: 2 * after]
        await trial.run(destination, trial.rows(_ROWS))
        assert await contents(destination, trial.task) == _ROWS


async def test_the_server_is_away_and_back(place: Place, destination: Postgres) -> None:
    trial = Trial(task=task())
    place.server.stop()
    try:
        with pytest.raises(Unavailable, match="cannot reach") as away:
            await trial.run(destination, trial.rows(_ROWS))
        assert away.value.hint
    finally:
        place.server.start()
    await trial.run(destination, trial.rows(_ROWS))
    assert await contents(destination, trial.task) == _ROWS


async def test_two_loads_on_a_connection_that_is_lost(place: Place, destination: Postgres) -> None:
    """The other load's staging is gone too: it is told to run again, not that SQL is wrong."""
    one, other = Trial(task=task("One")), Trial(task=task("Other"))
    await one.run(destination, one.rows(_ROWS[:1]))
    work, _, _ = await other.begin(destination)

    async def disturbed() -> AsyncGenerator[Batch]:
        first, *rest = other.rows(_ROWS)
        yield replace(first, cursor=None)
        with pytest.raises(Unavailable):
            await destination.execute([_KILL])
        for batch in rest:
            yield batch

    outcome, _ = await load(disturbed(), work)
    assert outcome.read == 6
    assert await contents(destination, other.task) == _ROWS
    staging = exp.table_("_syncline_stage_gone", quoted=True)
    for lost in (
        destination.ingest(staging, pa.table({"id": [1]})),
        destination.execute([exp.Delete(this=staging)]),
    ):
        with pytest.raises(Unavailable, match="staging"):
            await lost


_CODES: Sequence[tuple[str, type[SynclineError], str]] = (
    ("53100", DestinationFull, "space"),
    ("53400", DestinationFull, "space"),
    ("53200", Unavailable, "again"),
    ("55P03", DestinationBusy, "later"),
    ("57014", Unavailable, "statement_timeout"),
    ("22003", RecordRefused, "widen"),
    ("23514", RecordRefused, "cast"),
    ("58030", Unavailable, "again"),
    ("2BP01", DestinationRefused, "views"),
    ("40001", DestinationBusy, "again"),
)


def _raising(code: str, times: int) -> Sequence[str]:
    """Return what makes inserting into the target fail so often; sequences stay counted."""
    return (
        "CREATE SEQUENCE IF NOT EXISTS {s}.tries",
        f"""CREATE OR REPLACE FUNCTION {{s}}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval(TG_ARGV[0]) <= {times} THEN
                RAISE EXCEPTION 'it is said: {code}' USING ERRCODE = '{code}';
            END IF; RETURN NEW; END $$""",
        """CREATE TRIGGER fail BEFORE INSERT ON {s}."Things"
           FOR EACH STATEMENT EXECUTE FUNCTION {s}.fail('{s}.tries')""",
    )


@pytest.mark.parametrize(("code", "error", "hint"), _CODES, ids=[c[0] for c in _CODES])
async def test_what_the_server_says(
    place: Place, destination: Postgres, code: str, error: type[SynclineError], hint: str
) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run(*_raising(code, 1000))
    with pytest.raises(error, match=f"it is said: {code}") as said:
        await trial.run(destination, trial.rows(_ROWS[1:], at=100))
    assert hint in said.value.hint
    assert "INSERT" not in str(said.value)
    place.run('DROP TRIGGER fail ON {s}."Things"')
    await trial.run(destination, trial.rows(_ROWS[1:], at=100))
    assert await contents(destination, trial.task) == _ROWS


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_passing_conflict_is_retried_whole(
    place: Place, destination: Postgres, code: str
) -> None:
    trial = Trial(task=task(deletes=Deletes.HARD))
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run(*_raising(code, 2))
    result = (await trial.run(destination, trial.rows(_ROWS[1:], at=100))).result
    assert result.inserted == 5
    assert await contents(destination, trial.task) == _ROWS


async def test_a_unique_index_of_the_user(place: Place, destination: Postgres) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run('CREATE UNIQUE INDEX ON {s}."Things" (name)')
    with pytest.raises(RecordRefused, match="unique"):
        await trial.run(destination, trial.rows([thing(7, "name 0")], at=100))
    assert await contents(destination, trial.task) == _ROWS[:1]


async def test_a_view_of_the_user_on_a_table_to_replace(
    place: Place, destination: Postgres
) -> None:
    trial = Trial(task=task(disposition=Disposition.REPLACE))
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run('CREATE VIEW {s}.seen AS SELECT * FROM {s}."Things"')
    await trial.run(destination, trial.rows(_ROWS, at=100))
    assert await contents(destination, trial.task) == _ROWS
    seen = exp.select("id").from_(exp.table_("seen", db=place.schema, quoted=True))
    assert (await destination.fetch(seen)).num_rows == len(_ROWS)


_WRONG: Sequence[tuple[str, dict[str, Any], type[SynclineError], str]] = (
    ("password", {"password": "Pa55 of nobody"}, CredentialError, "Password"),
    ("user", {"user": "nobody at all"}, CredentialError, "User"),
    ("no password", {"password": ""}, CredentialError, "Password"),
    ("host", {"server": "no-such-host.invalid"}, Unavailable, "Server"),
    ("port", {"port": 1}, Unavailable, "Port"),
    ("database", {"database": "nothing"}, DestinationRefused, "Database"),
    ("ssl", {"sslmode": "require"}, DestinationRefused, "SSLMode"),
    ("url", {"url": "postgresql://u:Pa55 word@h/x"}, PropertyError, "URL"),
    ("url with a bad port", {"url": "postgresql://u:Pa55@h:port/x"}, PropertyError, "URL"),
    ("url with a bad setting", {"url": "postgresql://u:Pa55@h/x?y=z"}, PropertyError, "URL"),
)


@pytest.mark.parametrize(
    ("other", "error", "hint"), [w[1:] for w in _WRONG], ids=[w[0] for w in _WRONG]
)
async def test_a_wrong_address(
    place: Place, other: dict[str, Any], error: type[SynclineError], hint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    destination = place.open(**other)
    trial = Trial(task=task())
    with pytest.raises(error) as refused:
        await trial.run(destination, trial.rows(_ROWS))
    assert hint in refused.value.hint
    shown = f"{refused.value} {refused.value.hint} {refused.value.__cause__!r} {destination!r}"
    assert "Pa55" not in str(refused.value) + refused.value.hint
    assert postgres.PASSWORD not in shown
    await destination.aclose()


def _role(place: Place, *grants: str) -> tuple[Postgres, str]:
    """Return a destination for a new role that may do just this."""
    name = f"role {place.schema}"
    place.run(
        f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'role'",
        *(grant.replace("{role}", f'"{name}"') for grant in grants),
    )
    return place.open(user=name, password="role"), name


_FORBIDDEN: Sequence[tuple[str, Sequence[str], str]] = (
    ("no schema", (), "GRANT CREATE ON DATABASE"),
    ("no use", ("CREATE SCHEMA {s}",), "GRANT"),
    ("no create", ("CREATE SCHEMA {s}", "GRANT USAGE ON SCHEMA {s} TO {role}"), "USAGE, CREATE"),
    (
        "no select",
        (
            "CREATE SCHEMA {s}",
            "GRANT USAGE, CREATE ON SCHEMA {s} TO {role}",
            'CREATE TABLE {s}."Things" (id bigint, name text, changed timestamptz)',
        ),
        "GRANT SELECT, INSERT, UPDATE, DELETE",
    ),
)


@pytest.mark.parametrize(
    ("grants", "hint"), [f[1:] for f in _FORBIDDEN], ids=[f[0] for f in _FORBIDDEN]
)
async def test_a_missing_permission(place: Place, grants: Sequence[str], hint: str) -> None:
    destination, _ = _role(place, *grants)
    trial = Trial(task=task())
    with pytest.raises(PermissionRefused) as refused:
        await trial.run(destination, trial.rows(_ROWS))
    assert hint in refused.value.hint
    await destination.aclose()


async def test_a_new_column_of_a_table_that_another_role_owns_by_now(place: Place) -> None:
    destination, role = _role(
        place, "CREATE SCHEMA {s}", "GRANT USAGE, CREATE ON SCHEMA {s} TO {role}"
    )
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS))
    place.run(
        'ALTER TABLE {s}."Things" OWNER TO CURRENT_USER',
        f'GRANT ALL ON {{s}}."Things" TO "{role}"',
    )
    wider = trial.but(schema=trial.schema.append(pa.field("note", pa.string())))
    with pytest.raises(PermissionRefused) as refused:
        await wider.run(destination, wider.rows([{**_ROWS[0], "note": "x"}], at=100))
    assert "OWNER" in refused.value.hint
    assert await contents(destination, trial.task) == _ROWS
    await destination.aclose()


async def test_a_table_of_another_role_gets_no_index(place: Place) -> None:
    destination, _ = _role(
        place,
        "CREATE SCHEMA {s}",
        "GRANT USAGE, CREATE ON SCHEMA {s} TO {role}",
        'CREATE TABLE {s}."Things" (id bigint, name text, changed timestamptz)',
        'GRANT ALL ON {s}."Things" TO {role}',
    )
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS))
    assert await contents(destination, trial.task) == _ROWS
    await destination.aclose()


async def test_enough_permission(place: Place) -> None:
    """Who may use and fill a schema needs no right to make schemas, nor to own the database."""
    destination, _ = _role(
        place, "CREATE SCHEMA {s}", "GRANT USAGE, CREATE ON SCHEMA {s} TO {role}"
    )
    for disposition in (Disposition.MERGE, Disposition.REPLACE, Disposition.APPEND):
        trial = Trial(task=task(f"T {disposition}", disposition=disposition))
        await trial.run(destination, trial.rows(_ROWS))
        await trial.run(destination, trial.rows(_ROWS, at=100), full=True)
        assert await contents(destination, trial.task) == _ROWS
    await destination.aclose()


async def test_a_database_to_read_only(place: Place, destination: Postgres) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS[:1]))
    place.run(f"ALTER ROLE {postgres.USER} SET default_transaction_read_only = on")
    try:
        reader = place.open()
        with pytest.raises(DestinationRefused, match="read-only") as refused:
            await trial.run(reader, trial.rows(_ROWS[1:], at=100))
        assert "default_transaction_read_only" in refused.value.hint
        await reader.aclose()
    finally:
        place.run(
            "SET default_transaction_read_only = off",
            f"ALTER ROLE {postgres.USER} RESET default_transaction_read_only",
        )
    await trial.run(destination, trial.rows(_ROWS[1:], at=100))
    assert await contents(destination, trial.task) == _ROWS


async def test_a_role_with_odd_defaults(place: Place) -> None:
    """Isolation, time zone, date order and search path of the role change nothing."""
    destination, name = _role(
        place,
        "CREATE SCHEMA {s}",
        "GRANT USAGE, CREATE ON SCHEMA {s} TO {role}",
        "ALTER ROLE {role} SET default_transaction_isolation = 'serializable'",
        "ALTER ROLE {role} SET timezone = 'Asia/Kathmandu'",
        "ALTER ROLE {role} SET datestyle = 'SQL, DMY'",
        "ALTER ROLE {role} SET search_path = 'nowhere'",
        "ALTER ROLE {role} SET standard_conforming_strings = off",
        "ALTER ROLE {role} SET bytea_output = 'escape'",
    )
    trial = Trial(task=task(synced_at=True))
    odd = [thing(1, "back\\slash \\' quote")]
    await trial.run(destination, trial.rows(odd))
    (row,) = await contents(destination, trial.task)
    assert (row["name"], row["changed"]) == (odd[0]["name"], odd[0]["changed"])
    assert row["_synced_at"].timestamp() == pytest.approx(trial.clock.now, abs=5)
    await destination.aclose()
    place.run(f'ALTER ROLE "{name}" RESET ALL')
