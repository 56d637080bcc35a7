"""Offsets: whatever comes and goes between two pages, a row that was there all the time is read."""

from collections.abc import Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from standins.pages import Api, serving
from standins.reading import HEAD, batches_of, ids_of, scan_of, source_of
from syncline.extract.trail import Trail
from syncline.profile.pagination import Offset, Page, Request

#: Rows that go, as places in the list, and places where rows come.
CHANGE = st.tuples(
    st.lists(st.integers(0, 80), max_size=20), st.lists(st.integers(0, 80), max_size=6)
)
CHANGES = st.lists(CHANGE, max_size=10)
Changes = Sequence[tuple[Sequence[int], Sequence[int]]]


class Listed:
    """A list that others change."""

    def __init__(self, rows: Sequence[int], changes: Changes) -> None:
        self.rows = list(rows)
        self.always = set(rows)
        self._left = list(changes)
        self._next = 1000

    def change(self) -> None:
        """Let the next change happen."""
        gone, come = self._left.pop(0) if self._left else ((), ())
        for place in gone:
            if place < len(self.rows):
                self.always.discard(self.rows.pop(place))
        for place in come:
            self.rows.insert(min(place, len(self.rows)), self._next)
            self._next += 1


def walk(paginator: Offset, listed: Listed, size: int, *, told: bool) -> tuple[list[int], int]:
    """Return the rows that a walk hands on, and how many pages it takes."""
    asked: Request | None = paginator.first(Request(url="https://a.example"))
    trail, read, seen = Trail(most=40), [], set()
    while asked is not None:
        assert asked not in seen, "no request comes twice"
        seen.add(asked)
        skipped = int(asked.get("offset") or 0)
        found = listed.rows[skipped : skipped + size]
        keys = [(row,) for row in found]
        joined = not paginator.joins(asked) or trail.joins(keys)
        if joined:
            known = trail.known(keys)
            read += [row for place, row in enumerate(found) if place not in known]
            trail.add(keys)
        page = Page(
            rows=len(found),
            size=size if told else None,
            values={"total": len(listed.rows)},
            headers={},
            joined=joined,
        )
        asked = paginator.next(asked, page)
        listed.change()
    return read, len(seen)


@given(
    rows=st.permutations(range(60)).flatmap(lambda r: st.integers(0, 60).map(lambda n: r[:n])),
    size=st.integers(2, 12),
    again=st.sampled_from([None, 1, 3]),
    total=st.booleans(),
    told=st.booleans(),
    changes=CHANGES,
)
def test_no_row_that_stays_is_missed(
    *,
    rows: Sequence[int],
    size: int,
    again: int | None,
    total: bool,
    told: bool,
    changes: Changes,
) -> None:
    again = 1 if total and again is None else again
    paginator = Offset(type="offset", total="total" if total else None, again=again)
    listed = Listed(rows, changes)
    read, _ = walk(paginator, listed, size, told=told)
    assert listed.always <= set(read)


@given(count=st.integers(1, 60), size=st.integers(2, 12), told=st.booleans())
def test_a_list_that_stays_as_it_is_is_read_once(*, count: int, size: int, told: bool) -> None:
    read, pages = walk(Offset(type="offset"), Listed(range(count), ()), size, told=told)
    assert read == list(range(count))
    # Where nobody knows how many rows a page may have, the last one is asked on from.
    assert pages <= (count - 1) // (size - 1) + (1 if told else 2)


@settings(max_examples=5, deadline=None)
@given(count=st.integers(0, 40), size=st.integers(2, 9), changes=CHANGES)
async def test_so_it_is_with_answers_of_an_api(count: int, size: int, changes: Changes) -> None:
    listed = Listed(range(count), changes)
    # As many rows as a page takes, all at once, look as if the API ignored the offset.
    assume(all(len(come) < size - 1 for _, come in changes))
    api = Api(lists={"/items": []}, style="offset")

    async def changing(_: object) -> None:
        if len(api.asked) > 1:
            listed.change()
        api.lists["/items"] = [{"id": row} for row in listed.rows]

    api.always = changing
    text = f"""{HEAD}
defaults:
  records: data
  pagination: {{type: offset}}
  page: {{parameter: limit, size: {size}}}
tables:
  Items: {{path: /items, primary_key: [id], columns: {{id: integer}}}}
"""
    async with serving(api), source_of(api, text) as source:
        read = ids_of(await batches_of(source, await scan_of(source, "Items")))
    assert listed.always <= set(read)
