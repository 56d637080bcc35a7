"""HubSpot: what has changed is searched for, page after page in the order of ids."""

import json
from typing import Any

from standins.vendors import standing
from syncline.extract.answer import Answer
from syncline.profile.pagination import Request
from syncline.sandbox.options import Options
from syncline.sandbox.server import running

ROWS = Options(rows=1000, rate_limit=0, frozen=True)


class Asked:
    """What was asked for, and what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[Request, Any]] = []

    def __call__(self, request: Request, answer: Answer) -> None:
        self.requests.append((request, json.loads(answer.body)))


async def test_changes_are_searched_for_beyond_the_id_of_the_page_before() -> None:
    asked = Asked()
    async with running(ROWS) as sandbox, standing(sandbox, "hubspot", asked) as standin:
        contacts = standin.listed(standin.profile.tables["Contacts"])
        await standin.run(["Contacts"], run="first")
        assert {r.method for r, _ in asked.requests} == {"GET"}
        assert len(asked.requests) == 10

        sandbox.advance(3600)
        changed = list(contacts.listed())[::2]
        for row in changed:
            contacts.touch(row)
        sandbox.advance(60)
        asked.requests.clear()
        result = (await standin.run(["Contacts"], run="second"))["Contacts"]
        assert (result.read, result.updated, result.requests) == (500, 500, 3)
        assert await standin.differences(["Contacts"]) == []
        assert {r.url.rpartition("/")[2] for r, _ in asked.requests} == {"search"}
        assert [len(body["results"]) for _, body in asked.requests] == [200, 200, 100]
        ids = [int(row["id"]) for _, body in asked.requests for row in body["results"]]
        assert ids == sorted(set(ids))
        # Each page is a search of its own, so its total is what is left.
        assert [body["total"] for _, body in asked.requests] == [500, 300, 100]


async def test_associations_are_read_though_the_search_tells_none() -> None:
    asked = Asked()
    async with running(ROWS) as sandbox, standing(sandbox, "hubspot", asked) as standin:
        names = ["Deals", "DealContacts", "DealCompanies"]
        await standin.run(names, run="first")
        # Nothing is asked for twice: the three tables share their pages.
        assert len(asked.requests) == 2
        sandbox.advance(3600)
        deals = standin.listed(standin.profile.tables["Deals"])
        deals.touch(next(deals.listed()))
        asked.requests.clear()
        result = await standin.run(names, run="second")
        assert result["Deals"].read == 1
        assert [r.method for r, _ in asked.requests].count("POST") == 1
        assert all("associations" not in b["results"][0] for r, b in asked.requests if r.body)
        assert await standin.differences(names) == []
