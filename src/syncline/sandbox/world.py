"""Everything a running sandbox knows: clock, rows, tokens, limits, faults and counts."""

from datetime import UTC, datetime

from aiohttp import web

from syncline.sandbox import clicktime_tables, clio_tables
from syncline.sandbox.clicktime_query import ClickTimeRows
from syncline.sandbox.clio_fields import Projections
from syncline.sandbox.clio_query import Selections
from syncline.sandbox.clio_webhooks import Webhooks
from syncline.sandbox.clock import Clock
from syncline.sandbox.faults import Faults
from syncline.sandbox.limits import Counters, Windows
from syncline.sandbox.options import Options
from syncline.sandbox.tokens import Tokens
from syncline.sandbox.vendor_rows import Vendors


class World:
    """The state of one sandbox; ``reset`` puts everything back to the start."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.reset()

    def reset(self) -> None:
        options = self.options
        self.clock = Clock(options.start or datetime.now(UTC), frozen=options.frozen)
        self.clio = clio_tables.build(options, self.clock)
        self.clicktime = clicktime_tables.build(options, self.clock)
        self.projections = Projections(self.clio)
        self.selections = Selections(self.clio, self.projections.shapes, options)
        self.clicktime_rows = ClickTimeRows(self.clicktime, options)
        self.vendors = Vendors(rows=options.rows, seed=options.seed, clock=self.clock)
        self.tokens = Tokens(options, self.clock)
        self.webhooks = Webhooks(options, self.clock)
        self.windows = Windows()
        self.faults = Faults()
        self.counters = Counters()
        self.mutations = 0


WORLD: web.AppKey[World] = web.AppKey("world", World)
