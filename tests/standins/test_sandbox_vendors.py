"""The stand-ins that are described in YAML, asked as clients ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest

from syncline.sandbox.administration import UnknownNameError
from syncline.sandbox.faults import Fault
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import Sandbox, running
from syncline.sandbox.vendor_description import Vendor, vendors
from syncline.sandbox.vendor_values import compiled

HARVEST = {"Authorization": "Bearer sandbox-token", "Harvest-Account-Id": "1234567"}
QUIET = Options(rows=100, rate_limit=0, frozen=True)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.text)


@dataclass(frozen=True, slots=True)
class Client:
    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def get(self, path: str, headers: Mapping[str, str] = HARVEST) -> Reply:
        url = path if path.startswith("http") else f"{self.sandbox.url}/{path}"
        async with self.session.get(url, headers=headers) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.text())

    async def post(self, path: str, body: object, headers: Mapping[str, str]) -> Reply:
        data = msgspec.json.encode(body)
        url = f"{self.sandbox.url}/{path}"
        async with self.session.post(url, data=data, headers=headers) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.text())


@asynccontextmanager
async def asking(options: Options = QUIET) -> AsyncIterator[Client]:
    async with running(options) as sandbox, aiohttp.ClientSession() as session:
        yield Client(sandbox, session)


async def test_who_proves_nothing_is_refused_in_the_apis_own_words() -> None:
    async with asking() as client:
        for headers in (
            {},
            {"Harvest-Account-Id": "1234567"},
            {**HARVEST, "Authorization": "Bearer wrong"},
            {**HARVEST, "Harvest-Account-Id": "2"},
        ):
            reply = await client.get("harvest/v2/clients", headers)
            assert reply.status == 401
            assert reply.body["error"] == "invalid_token"


async def test_oauth_tokens_of_the_sandbox_are_good_everywhere() -> None:
    async with asking() as client:
        form = {"grant_type": "client_credentials", "scope": "accounting.transactions.read"}
        auth = {"Authorization": aiohttp.encode_basic_auth(DEFAULT_CLIENT, DEFAULT_SECRET)}
        url = f"{client.sandbox.url}/xero/connect/token"
        async with client.session.post(url, data=form, headers=auth) as answer:
            assert answer.status == 200
            token = (await answer.json())["access_token"]
        sent = {
            "Authorization": f"Bearer {token}",
            "Xero-Tenant-Id": "45e4708e-d862-4111-ab3a-dd8cd03913e1",
        }
        reply = await client.get("xero/api.xro/2.0/Currencies", sent)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/xml; charset=utf-8"
        assert "<Currency><Code>" in reply.text
        form["grant_type"] = "authorization_code"
        async with client.session.post(url, data={**form, "code": "none"}, headers=auth) as answer:
            assert answer.status == 400


async def test_what_the_api_does_not_have_is_said() -> None:
    async with asking() as client:
        assert (await client.get("harvest/v2/nothing")).status == 404
        assert (await client.get("harvest/v2/users/1/billable_rates")).status == 404
        unknown = await client.get("harvest/v2/clients?page_size=3")
        assert (unknown.status, unknown.body) == (
            400,
            {"message": "There is no parameter page_size."},
        )
        for wrong in ("per_page=x", "per_page=0", "per_page=2001", "page=x", "updated_since=once"):
            assert (await client.get(f"harvest/v2/clients?{wrong}")).status == 400, wrong
        toggl = {"Authorization": aiohttp.encode_basic_auth("sandbox-token", "api_token")}
        report = "toggl/reports/api/v3/workspace/777/search/time_entries"
        assert (await client.get(report, toggl)).status == 405
        assert (await client.get("toggl/api/v9/workspaces/777/projects", toggl)).status == 400
        nobody = await client.get("nobody/v2/clients")
        assert nobody.status == 404
        assert "/harvest" in nobody.text
        with pytest.raises(UnknownNameError):
            client.sandbox.vendor("nobody")


async def test_pages_follow_each_other_to_the_end() -> None:
    async with asking() as client:
        whole = (await client.get("harvest/v2/time_entries")).body["time_entries"]
        assert len(whole) == 100
        found, link = [], "harvest/v2/time_entries?per_page=30&is_billed=true"
        while link:
            reply = await client.get(link)
            found += reply.body["time_entries"]
            assert reply.body["per_page"] == 30
            link = reply.body["links"]["next"]
        assert found == [row for row in whole if row["is_billed"]]
        last = await client.get(
            f"stripe/v1/customers?limit=100&starting_after={await last_of(client)}",
            STRIPE,
        )
        assert last.body["data"] == []
        assert not last.body["has_more"]
        gone = await client.get("stripe/v1/customers?starting_after=cus_none", STRIPE)
        assert gone.status == 400


STRIPE = {"Authorization": "Bearer sandbox-token", "Stripe-Version": "2024-06-20"}


async def last_of(client: Client) -> str:
    """The oldest customer: Stripe lists the newest first."""
    return str(client.sandbox.vendor("stripe").lists["customers"].truth()[0][0]["id"])


async def test_a_link_header_remembers_what_was_asked_for() -> None:
    async with asking() as client:
        shopify = {"X-Shopify-Access-Token": "sandbox-token"}
        since = "2024-03-01T00:00:00%2B00:00"
        link = f"shopify/admin/api/2025-01/products.json?limit=2&updated_at_min={since}"
        found: list[Any] = []
        pages = 0
        while link:
            reply = await client.get(link, shopify)
            found += reply.body["products"]
            pages += 1
            link = reply.headers.get("Link", "").partition(">")[0].removeprefix("<")
            assert "updated_at_min" not in link
        truth = [r for r, _ in client.sandbox.vendor("shopify").lists["products"].truth()]
        assert pages > 1
        assert found == [row for row in truth if str(row["updated_at"]) >= "2024-03-01"]
        broken = "shopify/admin/api/2025-01/products.json?page_info=%C3%A4"
        assert (await client.get(broken, shopify)).status == 400


async def test_bodies_of_lists_by_post() -> None:
    async with asking(Options(rows=1000, rate_limit=0, frozen=True)) as client:
        toggl = {"Authorization": aiohttp.encode_basic_auth("sandbox-token", "api_token")}
        report = "toggl/reports/api/v3/workspace/777/search/time_entries"
        body: dict[str, object] = {
            "start_date": "2024-01-01",
            "end_date": "2024-12-31",
            "order_by": "date",
            "order_dir": "ASC",
            "page_size": 20,
        }
        first = (await client.post(report, body, toggl)).body
        assert len(first) == 20
        assert all(row["time_entries"][0]["start"].startswith("2024") for row in first)
        place = first[-1]["row_number"]
        second = (await client.post(report, {**body, "first_row_number": place}, toggl)).body
        assert second[0] == first[-1]
        assert second[1] not in first
        assert (await client.post(report, [], toggl)).status == 400
        url = f"{client.sandbox.url}/{report}"
        async with client.session.post(url, data=b"{", headers=toggl) as answer:
            assert answer.status == 400


async def test_too_many_requests_are_refused_and_told() -> None:
    async with asking(Options(rows=20, frozen=True)) as client:
        for _ in range(100):
            assert (await client.get("harvest/v2/tasks")).status == 200
        over = await client.get("harvest/v2/tasks")
        assert over.status == 429
        assert 0 < int(over.headers["Retry-After"]) <= 15
        client.sandbox.advance(16)
        assert (await client.get("harvest/v2/tasks")).status == 200
        github = {
            "Authorization": "Bearer sandbox-token",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        reply = await client.get("github/orgs/acme/repos", github)
        assert reply.headers["X-RateLimit-Remaining"] == "4999"
        left = int(reply.headers["X-RateLimit-Reset"]) - client.sandbox.now().timestamp()
        assert 3590 < left <= 3601


async def test_faults_happen_to_these_too() -> None:
    async with asking() as client:
        client.sandbox.fault(Fault(fault="status", status=503, path="/harvest/v2/tasks"))
        assert (await client.get("harvest/v2/clients")).status == 200
        assert (await client.get("harvest/v2/tasks")).status == 503
        assert (await client.get("harvest/v2/tasks")).status == 200
        assert client.sandbox.requests() == 3


async def test_changes_are_seen_and_a_reset_takes_them_back() -> None:
    async with asking() as client:
        tasks = client.sandbox.vendor("harvest").lists["tasks"]
        before = [record for record, _ in tasks.truth()]
        moment = client.sandbox.now()
        client.sandbox.advance(60)
        first, *others = tasks.rows
        tasks.touch(first)
        tasks.delete(others[-1])
        made = tasks.insert()
        since = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        changed = (await client.get(f"harvest/v2/tasks?updated_since={since}")).body["tasks"]
        assert [row["id"] for row in changed] == [
            tasks.record(first)["id"],
            tasks.record(made)["id"],
        ]
        assert changed[0] != before[0]
        assert len((await client.get("harvest/v2/tasks")).body["tasks"]) == len(before)
        client.sandbox.reset()
        again = client.sandbox.vendor("harvest").lists["tasks"].truth()
        assert [record for record, _ in again] == before


async def test_what_is_deleted_is_marked_where_the_api_does_so() -> None:
    async with asking() as client:
        tickets = client.sandbox.vendor("zendesk").lists["tickets"]
        gone = next(tickets.listed())
        client.sandbox.advance(60)
        since = int(client.sandbox.now().timestamp())
        tickets.delete(gone)
        sent = {
            "Authorization": aiohttp.encode_basic_auth("ada@example.com/token", "sandbox-token")
        }
        path = f"zendesk/api/v2/incremental/tickets/cursor?start_time={since}"
        body = (await client.get(path, sent)).body
        assert [row["status"] for row in body["tickets"]] == ["deleted"]
        assert body["end_of_stream"]
        after = (await client.get(f"{path}&cursor={body['after_cursor']}", sent)).body
        assert after["tickets"] == []


async def test_a_parent_that_is_gone_takes_its_rows_with_it() -> None:
    async with asking() as client:
        vendor = client.sandbox.vendor("harvest")
        users, rates = vendor.lists["users"], vendor.lists["billable_rates"]
        before = len(rates.truth())
        user = next(users.listed())
        users.delete(user)
        assert len(rates.truth()) < before
        path = f"harvest/v2/users/{users.record(user)['id']}/billable_rates"
        assert (await client.get(path)).status == 404


@pytest.mark.parametrize("vendor", vendors().values(), ids=list(vendors()))
def test_descriptions_are_whole(vendor: Vendor) -> None:
    assert "{url}" in vendor.connection
    assert vendor.limit is not None
    for name, listed in vendor.lists.items():
        above, _, field = listed.parent.partition(".")
        assert not above or field in vendor.lists[above].fields, name
        assert ("{parent}" in listed.path) == (bool(above) and not listed.parent_parameter), name


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="'colour' is no kind of value"):
        compiled("colour red", "owner", "iso")


HUBSPOT = {"Authorization": "Bearer sandbox-token"}
SEARCH = "hubspot/crm/v3/objects/contacts/search"


async def test_hubspots_search_finds_sorts_and_turns_pages() -> None:
    async with asking() as client:
        contacts = client.sandbox.vendor("hubspot").lists["contacts"]
        truth = [record for record, _ in contacts.truth()]
        moments = sorted(str(record["updatedAt"]) for record in truth)
        middle = moments[len(moments) // 2]
        body: dict[str, object] = {
            "filterGroups": [
                {
                    "filters": [
                        {"propertyName": "lastmodifieddate", "operator": "GTE", "value": middle}
                    ]
                }
            ],
            "sorts": [{"propertyName": "hs_object_id", "direction": "DESCENDING"}],
            "properties": ["email"],
            "limit": 20,
        }
        first = (await client.post(SEARCH, body, HUBSPOT)).body
        assert first["total"] == sum(moment >= middle for moment in moments)
        assert first["paging"]["next"]["after"] == "20"
        second = (await client.post(SEARCH, {**body, "after": "20"}, HUBSPOT)).body
        ids = [int(row["id"]) for row in (*first["results"], *second["results"])]
        assert ids == sorted(set(ids), reverse=True)
        assert set(first["results"][0]["properties"]) == {
            "email", "createdate", "hs_object_id", "lastmodifieddate",
        }  # fmt: skip
        assert "associations" not in first["results"][0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 201},
        {"limit": "10"},
        {"after": "9990"},
        {"after": "next"},
        {"unknown": 1},
        {"properties": ["nothing"]},
        {"properties": "email"},
        {"sorts": [{"propertyName": "nothing"}]},
        {"sorts": [{"propertyName": "email"}, {"propertyName": "city"}]},
        {"filterGroups": [{"filters": []}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "GTE"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": ">", "value": "a"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "no", "operator": "EQ", "value": "a"}]}]},
        {
            "filterGroups": [
                {"filters": [{"propertyName": "lastmodifieddate", "operator": "GT", "value": "x"}]}
            ]
        },
        {"filterGroups": 6 * [{"filters": [{"propertyName": "email", "operator": "EQ"}]}]},
    ],
)
async def test_hubspots_search_refuses_what_the_vendor_refuses(wrong: dict[str, object]) -> None:
    async with asking() as client:
        reply = await client.post(SEARCH, {"limit": 20, **wrong}, HUBSPOT)
        assert (reply.status, reply.body["category"]) == (400, "VALIDATION_ERROR")
        users = await client.post("hubspot/crm/v3/objects/users/search", {}, HUBSPOT)
        assert users.status == 404


QUICKBOOKS = {"Authorization": "Bearer sandbox-token", "Accept": "application/json"}
COMPANY = "quickbooks/v3/company/4620816365012345678/query"


async def selects(client: Client, text: str) -> Reply:
    return await client.get(f"{COMPANY}?{urlencode({'query': text})}", QUICKBOOKS)


async def test_quickbooks_select_is_answered() -> None:
    async with asking() as client:
        invoices = client.sandbox.vendor("quickbooks").lists["invoices"]
        truth = [record for record, _ in invoices.truth()]
        whole = (await selects(client, "SELECT * FROM Invoice MAXRESULTS 1000")).body
        assert [r["Id"] for r in whole["QueryResponse"]["Invoice"]] == [r["Id"] for r in truth]
        count = (await selects(client, "select count(*) from Invoice")).body
        assert count == {"QueryResponse": {"totalCount": len(truth)}}
        page = "SELECT * FROM Invoice ORDERBY Id DESC STARTPOSITION 3 MAXRESULTS 2"
        answer = (await selects(client, page)).body["QueryResponse"]
        assert (answer["startPosition"], answer["maxResults"]) == (3, 2)
        ordered = sorted((str(r["Id"]) for r in truth), key=int, reverse=True)
        assert [r["Id"] for r in answer["Invoice"]] == ordered[2:4]
        one = f"SELECT * FROM Invoice WHERE Id IN ('{truth[0]['Id']}', 'O\\'Hara')"
        assert len((await selects(client, one)).body["QueryResponse"]["Invoice"]) == 1
        none = "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime > '2100-01-01T00:00:00Z'"
        assert (await selects(client, none)).body == {"QueryResponse": {}}


async def test_quickbooks_shows_inactive_names_only_to_those_who_ask() -> None:
    async with asking() as client:
        items = client.sandbox.vendor("quickbooks").lists["items"]
        inactive = next(row for row in items.listed() if items.record(row)["Active"])
        inactive.values["Active"] = False
        items.touch(inactive)
        total = len(items.truth())
        counts = []
        for where in ("", " WHERE Active = true", " WHERE Active IN (true, false)"):
            body = (await selects(client, f"SELECT count(*) FROM Item{where}")).body
            counts.append(body["QueryResponse"]["totalCount"])
        assert counts[0] == counts[1] < counts[2] == total


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "SELECT Id FROM Invoice",
        "SELECT * FROM Invoices",
        "SELECT * FROM invoice",
        "SELECT * FROM Invoice ORDER BY Id",
        "SELECT * FROM Invoice WHERE PrivateNote = 'a'",
        "SELECT * FROM Invoice WHERE Id = '1' OR Id = '2'",
        "SELECT * FROM Invoice WHERE Id = 'O'Hara'",
        "SELECT * FROM Invoice WHERE Id = ",
        "SELECT * FROM Invoice WHERE Id <> '1'",
        "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime >= '2024-13-01T00:00:00Z'",
        "SELECT * FROM Invoice MAXRESULTS 1001",
        "SELECT * FROM Invoice STARTPOSITION 0",
        "SELECT * FROM Invoice STARTPOSITION one",
        "SELECT * FROM Invoice MAXRESULTS 10 STARTPOSITION 1",
        "SELECT * FROM Invoice; SELECT * FROM Bill",
    ],
)
async def test_quickbooks_refuses_what_is_no_select(wrong: str) -> None:
    async with asking() as client:
        reply = await selects(client, wrong)
        assert (reply.status, reply.body["Fault"]["type"]) == (400, "ValidationFault")


async def test_quickbooks_answers_in_json_only_to_those_who_ask_for_it() -> None:
    async with asking() as client:
        url = f"{COMPANY}?query=SELECT+*+FROM+Invoice"
        plain = {"Authorization": "Bearer sandbox-token", "Accept": "*/*"}
        assert (await client.get(url, plain)).status == 401
        assert (await client.get(f"{url}&limit=3", QUICKBOOKS)).status == 400
