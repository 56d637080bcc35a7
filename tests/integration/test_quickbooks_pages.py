"""QuickBooks Online: what is selected, and that rows deleted between two pages hide no others."""

from sqlglot import exp

from standins.vendors import standing
from syncline.extract.answer import Answer
from syncline.model.table import Operator, Predicate, Scan
from syncline.profile.pagination import Request
from syncline.sandbox.options import Options
from syncline.sandbox.server import running
from syncline.sandbox.vendor_rows import VendorList


class Selected:
    """The texts that were sent; after the first one of a list, some of its rows go."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.going: VendorList | None = None

    def __call__(self, request: Request, _: Answer) -> None:
        self.texts.append(request.get("query") or "")
        if self.going is not None:
            for row in self.going.rows[:5]:
                self.going.delete(row)
            self.going = None


async def test_rows_that_go_between_two_pages_hide_no_others() -> None:
    selected = Selected()
    options = Options(rows=4000, rate_limit=0, frozen=True)
    async with running(options) as sandbox, standing(sandbox, "quickbooks", selected) as standin:
        invoices = standin.listed(standin.profile.tables["Invoices"])
        assert len(invoices.rows) == 1200
        selected.going = invoices
        await standin.run(["Invoices"], run="first")
        assert [text.partition(" ORDERBY ")[2] for text in selected.texts] == [
            "Id STARTPOSITION 1 MAXRESULTS 1000",
            "Id STARTPOSITION 991 MAXRESULTS 1000",
        ]
        found = await standin.lake.fetch(exp.select("Id").from_(exp.to_table("Invoices")))
        there = {str(record["Id"]) for record, _ in invoices.truth()}
        assert len(there) == 1195
        assert there <= set(found.column(0).to_pylist())


async def test_conditions_stand_in_the_text() -> None:
    selected = Selected()
    options = Options(rows=100, rate_limit=0, frozen=True)
    async with running(options) as sandbox, standing(sandbox, "quickbooks", selected) as standin:
        table = (await standin.source.tables())["Bills"]
        dates = (
            Predicate(column="TxnDate", operator=Operator.GE, values=("2025-01-01",)),
            Predicate(column="TxnDate", operator=Operator.LT, values=("2026-01-01",)),
        )
        scan = Scan(table=table, columns=("Id", "TxnDate"), predicates=dates, limit=50)
        async for _ in standin.source.read(scan, None):
            pass
        cursor = standin.source.cursor_at(1_700_000_300)
        async for _ in standin.source.read(Scan(table=table, columns=("Id",)), cursor):
            pass
    whole, changed = selected.texts
    assert whole == (
        "SELECT * FROM Bill WHERE MetaData.LastUpdatedTime >= '1970-01-01T00:00:00Z' "
        "AND TxnDate >= '2025-01-01' AND TxnDate <= '2026-01-01' "
        "ORDERBY Id STARTPOSITION 1 MAXRESULTS 50"
    )
    assert changed == (
        "SELECT * FROM Bill WHERE MetaData.LastUpdatedTime >= '2023-11-14T22:13:20Z' "
        "ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    )
