"""Walking from page to page, without any HTTP."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import ResponseRefused
from syncline.model.batch import Json
from syncline.profile.pagination import (
    LinkHeader,
    NextLink,
    NoPages,
    Offset,
    Page,
    PageNumber,
    Request,
    Token,
    follow,
)

URL = "https://api.example.com/v2/things"


def page(
    rows: int = 2,
    size: int | None = 2,
    values: dict[str, Json] | None = None,
    link: str | None = None,
) -> Page:
    return Page(rows=rows, size=size, values=values or {}, headers={"link": link} if link else {})


def request(**parameters: str) -> Request:
    return Request(url=URL, parameters=tuple(parameters.items()))


class TestRequest:
    def test_having_replaces_every_earlier_value(self) -> None:
        before = Request(url=URL, parameters=(("a", "1"), ("b", "2"), ("a", "3")))
        assert before.having(a="4").parameters == (("b", "2"), ("a", "4"))

    def test_get_returns_the_first_value(self) -> None:
        assert Request(url=URL, parameters=(("a", "1"), ("a", "3"))).get("a") == "1"
        assert request().get("a") is None


class TestNextLink:
    paginator = NextLink(type="next_link", path="meta.next")

    def test_reads_its_path(self) -> None:
        assert self.paginator.paths() == ("meta.next",)
        assert self.paginator.resumable
        assert self.paginator.first(request(a="1")) == request(a="1")

    def test_follows_the_address(self) -> None:
        following = self.paginator.next(
            request(a="1"), page(values={"meta.next": f"{URL}?fields=id%2Cname&b=&b=2"})
        )
        assert following == Request(
            url=URL, parameters=(("fields", "id,name"), ("b", ""), ("b", "2"))
        )

    @pytest.mark.parametrize("address", [None, ""])
    def test_ends_without_an_address(self, address: Json) -> None:
        assert self.paginator.next(request(), page(values={"meta.next": address})) is None
        assert self.paginator.next(request(), page()) is None

    def test_refuses_the_same_page_again(self) -> None:
        with pytest.raises(ResponseRefused, match="the same page again"):
            self.paginator.next(request(a="1"), page(values={"meta.next": f"{URL}?a=1"}))


class TestFollow:
    def test_keeps_method_and_headers(self) -> None:
        here = Request(url=URL, headers=(("x", "y"),), method="POST")
        there = follow(here, "/v2/others?p=2")
        assert there == Request(
            url="https://api.example.com/v2/others",
            parameters=(("p", "2"),),
            headers=(("x", "y"),),
            method="POST",
        )

    def test_takes_a_relative_address(self) -> None:
        assert follow(request(), "?p=2") == request(p="2")

    @pytest.mark.parametrize(
        "link",
        ["https://API.example.com/v2/things?p=2", "https://api.example.com:443/v2/things?p=2"],
    )
    def test_knows_one_host_by_its_spellings(self, link: str) -> None:
        assert follow(request(), link) == request(p="2")

    @pytest.mark.parametrize(
        ("link", "named"),
        [
            ("https://evil.example.com/v2/things?p=2", "https://evil.example.com"),
            ("http://api.example.com/v2/things?p=2", "http://api.example.com"),
            ("https://api.example.com:8443/v2/things?p=2", "https://api.example.com"),
            ("//evil.example.com/v2", "https://evil.example.com"),
            ("https://api.example.com@evil.example.com/v2", "https://evil.example.com"),
        ],
    )
    def test_refuses_another_host(self, link: str, named: str) -> None:
        with pytest.raises(ResponseRefused) as refused:
            follow(request(), link)
        assert str(refused.value) == f"{URL}: the next page is said to be at another host, {named}"
        assert refused.value.hint == "set BaseURL to the host that the API names in its links"

    def test_leaves_out_what_stands_before_the_host(self) -> None:
        there = follow(request(), "https://someone@api.example.com/v2/things?p=2")
        assert there == request(p="2")

    @pytest.mark.parametrize("link", [3, True, ["x"], {"href": URL}])
    def test_refuses_what_is_no_text(self, link: Json) -> None:
        with pytest.raises(ResponseRefused, match="not a text"):
            follow(request(), link)

    @pytest.mark.parametrize("link", ["https://[::1/x", "https://api.example.com:port/x"])
    def test_refuses_what_is_no_address(self, link: str) -> None:
        with pytest.raises(ResponseRefused, match="malformed"):
            follow(request(), link)


class TestToken:
    paginator = Token(type="token", path="next", parameter="cursor")

    def test_sends_the_token_with_the_next_request(self) -> None:
        assert self.paginator.paths() == ("next",)
        following = self.paginator.next(request(a="1", cursor="x"), page(values={"next": "y"}))
        assert following == request(a="1", cursor="y")

    def test_takes_a_number_for_a_token(self) -> None:
        assert self.paginator.next(request(), page(values={"next": 0})) == request(cursor="0")

    @pytest.mark.parametrize("values", [{}, {"next": None}, {"next": ""}])
    def test_ends_without_a_token(self, values: dict[str, Json]) -> None:
        assert self.paginator.next(request(cursor="x"), page(values=values)) is None

    def test_refuses_the_same_token_again(self) -> None:
        with pytest.raises(ResponseRefused, match="the same page again"):
            self.paginator.next(request(cursor="x"), page(values={"next": "x"}))


class TestPageNumber:
    def test_starts_at_the_first_page(self) -> None:
        paginator = PageNumber(type="page_number", first_page=0)
        assert paginator.first(request(a="1")) == request(a="1", page="0")
        assert not paginator.resumable
        assert paginator.paths() == ()

    def test_goes_on_until_the_last_page_by_number(self) -> None:
        paginator = PageNumber(type="page_number", pages="pages")
        assert paginator.paths() == ("pages",)
        assert paginator.next(request(page="1"), page(values={"pages": 2})) == request(page="2")
        assert paginator.next(request(page="2"), page(values={"pages": "2"})) is None

    def test_counts_from_its_first_page(self) -> None:
        paginator = PageNumber(type="page_number", pages="pages", first_page=0)
        assert paginator.next(request(page="0"), page(values={"pages": 2})) == request(page="1")
        assert paginator.next(request(page="1"), page(values={"pages": 2})) is None

    def test_goes_on_while_the_api_says_so(self) -> None:
        paginator = PageNumber(type="page_number", more="more", parameter="p")
        assert paginator.next(request(p="1"), page(values={"more": True})) == request(p="2")
        assert paginator.next(request(p="1"), page(values={"more": False})) is None
        assert paginator.next(request(p="1"), page()) is None

    def test_goes_on_while_pages_are_full(self) -> None:
        paginator = PageNumber(type="page_number")
        assert paginator.next(request(page="1"), page(rows=2)) == request(page="2")
        assert paginator.next(request(page="1"), page(rows=1)) is None
        assert paginator.next(request(page="1"), page(rows=3, size=None)) == request(page="2")
        assert paginator.next(request(page="1"), page(rows=0, size=None)) is None


class TestLinkHeader:
    paginator = LinkHeader(type="link_header")

    @pytest.mark.parametrize(
        "header",
        [
            f'<{URL}?p=2>; rel="next"',
            f"<{URL}?p=2>;rel=next",
            f'<{URL}?p=9>; rel="last", <{URL}?p=2>; rel="next"',
            f'<{URL}?p=2>; title="a, b; c"; REL="next last"',
            f'<{URL}?p=9>; title="rel=next"; rel="last" , <{URL}?p=2>; rel=next',
        ],
    )
    def test_follows_the_link_of_its_relation(self, header: str) -> None:
        assert self.paginator.next(request(), page(link=header)) == request(p="2")

    def test_takes_addresses_with_commas(self) -> None:
        header = f'<{URL}?fields=id,name&p=2>; rel="next", <{URL}?fields=id,name>; rel="first"'
        assert self.paginator.next(request(), page(link=header)) == request(fields="id,name", p="2")

    @pytest.mark.parametrize("header", [None, "", f'<{URL}?p=9>; rel="last"', f"<{URL}?p=9>"])
    def test_ends_without_such_a_link(self, header: str | None) -> None:
        assert self.paginator.next(request(), page(link=header)) is None

    def test_refuses_another_host(self) -> None:
        with pytest.raises(ResponseRefused, match="another host"):
            self.paginator.next(request(), page(link="<https://evil.example.com/>; rel=next"))


def test_no_pages_ends_after_one() -> None:
    assert NoPages(type="none").next(request(), page(rows=1000)) is None


class TestOffset:
    paginator = Offset(type="offset", total="count")

    def step(self, skipped: int, rows: int, total: Json, before: int | None = None) -> int | None:
        asked = request(offset=str(skipped))
        if before is not None:
            asked = asked.having(**{"\0total": str(before)})
        following = self.paginator.next(asked, page(rows=rows, values={"count": total}))
        return None if following is None else int(following.get("offset") or 0)

    def test_skips_what_was_read(self) -> None:
        assert self.paginator.paths() == ("count",)
        assert not self.paginator.resumable
        assert self.step(0, 2, 5) == 2
        assert self.step(2, 2, "5", before=5) == 4
        assert self.step(4, 1, 5, before=5) is None

    def test_ends_where_there_is_nothing(self) -> None:
        assert self.step(0, 0, 0) is None

    def test_reads_pages_smaller_than_asked_for(self) -> None:
        assert self.step(0, 1, 5) == 1

    def test_steps_back_before_the_page_that_tells_of_rows_gone(self) -> None:
        assert self.step(4, 2, 9, before=10) == 3
        assert self.step(4, 2, 1, before=10) == 0

    def test_steps_back_though_the_page_seems_to_be_the_last(self) -> None:
        assert self.step(4, 1, 5, before=6) == 3
        assert self.step(4, 0, 3, before=6) == 1

    def test_goes_on_when_rows_come(self) -> None:
        assert self.step(2, 2, 9, before=5) == 4

    def test_never_sends_what_it_remembers(self) -> None:
        following = self.paginator.next(request(), page(values={"count": 5}))
        assert following is not None
        assert [k for k, _ in following.parameters if not k.startswith("\0")] == ["offset"]

    def test_refuses_a_total_that_never_comes(self) -> None:
        with pytest.raises(ResponseRefused) as refused:
            self.step(2, 0, 5, before=5)
        said = f"{URL} has 5 rows, it says, but none after the first 2"
        assert str(refused.value) == said

    def test_refuses_to_skip_more_than_the_api_accepts(self) -> None:
        paginator = Offset(type="offset", total="count", maximum=3)
        with pytest.raises(ResponseRefused) as refused:
            paginator.next(request(offset="2"), page(values={"count": 9}))
        assert str(refused.value) == f"{URL} has more rows than the 3 it lets us skip"
        assert "narrow the query" in refused.value.hint

    def test_without_a_total_the_first_short_page_is_the_last(self) -> None:
        paginator = Offset(type="offset", parameter="skip")
        assert paginator.paths() == ()
        assert paginator.next(request(), page(rows=2)) == request(skip="2")
        assert paginator.next(request(skip="2"), page(rows=1)) is None
        assert paginator.next(request(skip="2"), page(rows=3, size=None)) == request(skip="5")
        assert paginator.next(request(skip="5"), page(rows=0, size=None)) is None


def walk(rows: list[int], size: int, deletions: Sequence[Sequence[int]]) -> tuple[set[int], int]:
    """Read ``rows`` page by page; between two pages those in ``deletions`` go, one set each.

    Returns what was read and how many pages it took.
    """
    paginator = Offset(type="offset", total="count")
    asked: Request | None = paginator.first(Request(url=URL))
    read: set[int] = set()
    pages = 0
    while asked is not None:
        skipped = int(asked.get("offset") or 0)
        answer = rows[skipped : skipped + size]
        read.update(answer)
        asked = paginator.next(
            asked, Page(rows=len(answer), size=size, values={"count": len(rows)}, headers={})
        )
        if pages < len(deletions):
            rows = [row for row in rows if row not in deletions[pages]]
        pages += 1
    return read, pages


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 12),
    deletions=st.lists(st.sets(st.integers(0, 59), max_size=15), max_size=12),
)
def test_no_row_that_stays_is_missed_whatever_goes(
    count: int, size: int, deletions: list[set[int]]
) -> None:
    gone = {row for each in deletions for row in each}
    read, pages = walk(list(range(count)), size, [sorted(d) for d in deletions])
    assert set(range(count)) - gone <= read
    # Each step back costs no more than what had been walked up to there.
    assert pages <= (count // size + 1) * (len(deletions) + 1) + 1


@given(count=st.integers(0, 60), size=st.integers(1, 12))
def test_a_table_that_stays_as_it_is_is_read_once(count: int, size: int) -> None:
    read, pages = walk(list(range(count)), size, [])
    assert read == set(range(count))
    assert pages == max(-(-count // size), 1)
