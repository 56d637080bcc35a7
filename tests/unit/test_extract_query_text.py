"""A text in a query language, made of the parameters of a request."""

import pytest

from standins.pointing import without_lines
from syncline.errors import ProfileError
from syncline.extract.posted import posted, text_of
from syncline.profile.loader import load_profile, parse_profile
from syncline.profile.pagination import Offset, Page, Request
from syncline.profile.posting import QueryText

QUERY = QueryText(
    parameter="q",
    parts=(
        "SELECT * FROM {entity}",
        "WHERE Changed >= '{since}'",
        "AND Name = '{name}'",
        "OFFSET {start} LIMIT {size}",
    ),
    escapes={"'": "\\'", "\\": "\\\\"},
)


def sent(*parameters: tuple[str, str], query: QueryText = QUERY) -> tuple[tuple[str, str], ...]:
    request = Request(url="https://a.example", parameters=parameters, text=text_of(query))
    return posted(request)[0].parameters


def test_parameters_stand_in_the_text_and_nowhere_else() -> None:
    assert sent(
        ("entity", "Invoice"), ("since", "2024"), ("start", "1"), ("size", "10"), ("v", "75")
    ) == (
        ("v", "75"),
        ("q", "SELECT * FROM Invoice WHERE Changed >= '2024' OFFSET 1 LIMIT 10"),
    )


def test_a_part_without_a_value_is_left_away() -> None:
    assert sent(("entity", "Invoice"), ("size", "10")) == (("q", "SELECT * FROM Invoice"),)


def test_values_cannot_leave_their_quotes() -> None:
    ((_, text),) = sent(("entity", "A"), ("name", "O'Hara' OR 'a' = '\\"))
    assert text == r"SELECT * FROM A AND Name = 'O\'Hara\' OR \'a\' = \'\\'"
    plain = QueryText(parts=("name = '{name}'",))
    assert sent(("name", "O'Hara"), query=plain) == (("query", "name = 'O''Hara'"),)


def test_braces_in_values_are_no_places() -> None:
    plain = QueryText(parts=("a = {a}", "b = {b}"))
    assert sent(("a", "{b}"), ("b", "2"), query=plain) == (("query", "a = {b} b = 2"),)


def test_an_address_of_the_api_has_its_text_already() -> None:
    given = (("q", "SELECT 1"), ("entity", "A"))
    assert sent(*given) == given


def test_rows_may_be_counted_from_one_and_pages_overlap() -> None:
    paging = Offset(type="offset", parameter="start", first_row=1, on_first=True, again=10)
    request = paging.first(Request(url="https://a.example"))
    assert request.get("start") == "1"
    places = []
    for rows in (100, 100, 30):
        page = Page(rows=rows, size=100, values={}, headers={}, joined=True)
        following = paging.next(request, page)
        places.append(following and following.get("start"))
        request = following or request
    assert places == ["91", "181", None]
    # A page no larger than what is read again still leads on.
    small = paging.next(request, Page(rows=5, size=5, values={}, headers={}, joined=True))
    assert small is not None
    assert small.get("start") == "182"


PROFILE = """\
name: A
auth: [{scheme: None}]
base_url: https://api.example.com
defaults:
  query: {parts: ["FROM {entity}", "SKIP {offset}"]}
  pagination: {type: offset}
tables:
  T:
    path: /t
    parameters: {entity: T}
    columns: {id: integer}
"""


def test_places_must_be_parameters() -> None:
    assert parse_profile(PROFILE, "a.yaml").defaults.query is not None
    no = "no parameter is called"
    own = "    query: {parts: ['FROM {entitty}']}\n"
    for old, new, said in (
        (
            "{entity: T}",
            "{of: T}",
            "8:3: tables.T: no parameter is called 'entity'; known: of, offset",
        ),
        (
            "{entity: T}",
            "{entity: T, query: x}",
            "8:3: tables.T: 'query' takes the text of 'query', and is set beside it",
        ),
        (
            "    columns:",
            f"{own}    columns:",
            f"11:21: tables.T.query.parts.0: {no} 'entitty'; did you mean 'entity'?",
        ),
    ):
        text = PROFILE.replace(old, new)
        with pytest.raises(ProfileError) as caught:
            parse_profile(text, "a.yaml")
        assert without_lines(str(caught.value), text) == f"a.yaml:{said}"


def test_the_bundled_profile_asks_as_its_documentation_says() -> None:
    profile = load_profile("quickbooks")
    customers = profile.tables["Customers"].query
    assert customers is not None
    ((_, text),) = sent(
        ("entity", "Customer"),
        ("since", "2024-01-01T00:00:00Z"),
        ("all", "Active IN (true, false)"),
        ("start", "1"),
        ("size", "1000"),
        query=customers,
    )
    assert text == (
        "SELECT * FROM Customer WHERE MetaData.LastUpdatedTime >= '2024-01-01T00:00:00Z' "
        "AND Active IN (true, false) ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    )
