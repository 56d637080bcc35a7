"""What tests do to a running sandbox: change rows, move the clock, read the truth."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl

import msgspec

from syncline.sandbox import clicktime_query, clicktime_routes, clio_query, clio_routes, describe
from syncline.sandbox.clio_fields import everything
from syncline.sandbox.faults import Fault, plain
from syncline.sandbox.rows import Store, Table
from syncline.sandbox.tokens import TokenPair
from syncline.sandbox.values import etag
from syncline.sandbox.vendor_rows import VendorRows
from syncline.sandbox.world import World


class UnknownNameError(Exception):
    """There is no such table, list or row."""


class Administration:
    """Operations on one sandbox; tables are named ``activities`` (Clio) or ``TimeEntries``."""

    def __init__(self, world: World) -> None:
        self._world = world

    # -- rows

    def table(self, name: str) -> tuple[Store, Table]:
        for store in (self._world.clio, self._world.clicktime):
            if name in store.tables:
                return store, store.tables[name]
        entry = next((entry for entry in describe.clio().lists if entry.path == name), None)
        if entry is not None and entry.table in self._world.clio.tables:
            return self._world.clio, self._world.clio.tables[entry.table]
        raise UnknownNameError(f"There is no table {name}.")

    def tables(self) -> dict[str, int]:
        """Every table and how many rows it has."""
        found: dict[str, int] = {}
        for store in (self._world.clio, self._world.clicktime):
            found.update({name: len(table.indexes()) for name, table in store.tables.items()})
        return found

    def change(self, table: str, identity: object, values: Mapping[str, object]) -> None:
        """Set fields of one row; ``updated_at`` follows the clock unless it is among them."""
        store, rows = self.table(table)
        rows.change(self._row(rows, identity), values)
        store.changed()
        self._told(rows, "updated", [identity])

    def mutate(
        self, table: str, *, insert: int = 0, update: int = 0, delete: int = 0, hard: bool = False
    ) -> dict[str, list[int | str]]:
        """Insert, update and delete that many rows, the same every time; answers their ids."""
        store, rows = self.table(table)
        self._world.mutations += 1
        seed = self._world.options.seed * 1_000_003 + self._world.mutations
        deleted = rows.sample(delete, seed)
        gone = [rows.identity(index) for index in deleted]
        for index in deleted:
            rows.delete(index, hard=hard)
        updated = rows.sample(update, seed + 1)
        for index in updated:
            rows.touch(index)
        inserted = rows.insert(insert)
        store.changed()
        done = {
            "inserted": [rows.identity(index) for index in inserted],
            "updated": [rows.identity(index) for index in updated],
            "deleted": gone,
        }
        for event, identities in done.items():
            self._told(rows, "created" if event == "inserted" else event, identities)
        return done

    def insert(self, table: str, values: Mapping[str, object] | None = None) -> int | str:
        """Add one row, with the given fields and the rest made up; answers its id."""
        store, rows = self.table(table)
        index = rows.insert(1)[0]
        if values:
            rows.change(index, values)
        store.changed()
        self._told(rows, "created", [rows.identity(index)])
        return rows.identity(index)

    def update(self, table: str, identities: Sequence[object]) -> None:
        """Give rows new values and a new updated_at."""
        store, rows = self.table(table)
        for identity in identities:
            rows.touch(self._row(rows, identity))
        store.changed()
        self._told(rows, "updated", identities)

    def delete(self, table: str, identities: Sequence[object], *, hard: bool = False) -> None:
        """Delete rows by id, into the trash where the API has one unless ``hard``."""
        store, rows = self.table(table)
        for identity in identities:
            rows.delete(self._row(rows, identity), hard=hard)
        store.changed()
        self._told(rows, "deleted", identities)

    def _told(self, table: Table, event: str, identities: Sequence[object]) -> None:
        """Let Clio's webhooks tell what happened; ClickTime's tables have none."""
        if self._world.clio.tables.get(table.name) is not table:
            return
        rows: list[dict[str, object]] = []
        for identity in identities:
            index = table.find(identity)
            tag = "" if index is None else etag(table.draw(index))
            rows.append({"id": identity, "etag": tag})
        self._world.webhooks.happened(table.name, event, rows)

    def _row(self, table: Table, identity: object) -> int:
        index = table.find(identity)
        if index is None:
            raise UnknownNameError(f"{table.name} has no row {identity}.")
        return index

    def truth(
        self, name: str, *, fields: str | None = None, query: str = "", parent: object = None
    ) -> list[dict[str, object]]:
        """All rows of a list, as it would answer them over all pages.

        Args:
            name: a Clio list (``folders/list``), its table, or a ClickTime path (``/Jobs``).
            fields: Clio's fields; left out, all, and all plain ones of nested objects.
            query: more query parameters, such as ``include_deleted=true`` or ``Verbose=true``.
            parent: id of the parent row; left out, the rows of all parents.
        """
        lines = self.truth_lines(name, fields=fields, query=query, parent=parent)
        return [msgspec.json.decode(line, type=dict[str, object]) for line in lines]

    def truth_lines(
        self, name: str, *, fields: str | None = None, query: str = "", parent: object = None
    ) -> list[bytes]:
        """The same as JSON, one row each."""
        pairs = parse_qsl(query, keep_blank_values=True)
        for entry in describe.clio().lists:
            if name in (entry.path, entry.table):
                asked = everything(entry.schema) if fields is None else fields
                return clio_routes.rows(
                    self._world, self._clio(entry, [("fields", asked), *pairs], parent)
                )
        for listed in describe.clicktime().lists:
            if name in (listed.path, listed.path.removeprefix("/")):
                grouped: dict[str, tuple[str, ...]] = {}
                for key, value in pairs:
                    grouped[key.lower()] = (*grouped.get(key.lower(), ()), value)
                return clicktime_routes.rows(
                    self._world, clicktime_query.Asked(entry=listed, parameters=grouped)
                )
        raise UnknownNameError(f"There is no list {name}.")

    def _clio(
        self, entry: describe.ClioList, pairs: Sequence[tuple[str, str]], parent: object
    ) -> clio_query.Asked:
        above = None
        if parent is not None:
            table = self._world.clio.tables[entry.table]
            if table.parent is None:
                raise UnknownNameError(f"{entry.path} has no parent.")
            above = (table.parent, self._row(table.single[table.parent][0], parent))
        return clio_query.Asked(entry=entry, parameters=tuple(pairs), parent=above)

    # -- further APIs

    def vendor(self, name: str) -> VendorRows:
        """The rows of a further API, by the prefix of its paths: ``harvest``."""
        if name not in self._world.vendors:
            raise UnknownNameError(f"There is no API {name}.")
        return self._world.vendors[name]

    # -- clock

    def advance(self, seconds: float) -> None:
        self._world.clock.advance(seconds)

    def set_clock(self, moment: datetime) -> None:
        self._world.clock.set(moment)

    def now(self) -> datetime:
        return self._world.clock.moment()

    def freeze(self, *, frozen: bool = True) -> None:
        if frozen:
            self._world.clock.freeze()
        else:
            self._world.clock.run()

    # -- tokens

    def issue_token(
        self, *, client_id: str | None = None, expires_in: int | None = None
    ) -> TokenPair:
        """A Clio token pair without the consent page."""
        known = client_id or next(iter(self._world.options.clients))
        return self._world.tokens.issue(known, expires_in=expires_in)

    def issue_clicktime_token(self) -> str:
        return self._world.tokens.issue_clicktime()

    def expire_tokens(self, access_token: str | None = None) -> int:
        """End one Clio access token, or all; their refresh tokens stay good."""
        return self._world.tokens.expire(access_token)

    def revoke(self, token: str) -> bool:
        """Revoke a Clio access or refresh token with its relatives, or a ClickTime token."""
        return self._world.tokens.revoke(token) or self._world.tokens.revoke_clicktime(token)

    # -- traffic

    def fault(self, fault: Fault) -> None:
        counters = self._world.counters
        self._world.faults.add(
            fault, total=counters.total, of_path=counters.paths[plain(fault.path or "")]
        )

    def clear_faults(self) -> None:
        self._world.faults.clear()

    def faults(self) -> list[Fault]:
        """Scripted faults that have not happened often enough yet."""
        return self._world.faults.pending()

    def counters(self) -> dict[str, object]:
        return self._world.counters.summary()

    def requests(self) -> int:
        """API requests so far; the next one has this number plus one."""
        return self._world.counters.total

    def reset(self) -> None:
        """Back to the start: rows, clock, tokens, faults, counts."""
        self._world.reset()
