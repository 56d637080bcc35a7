"""How a run begins: what is read, and how its rows reach the target."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from syncline.errors import QueryError
from syncline.load.strategy import Decision, decide
from syncline.model.batch import Checkpoint
from syncline.model.job import Deletes, Disposition, Flow, Task

_TASK = Task(id="t", query="", target="T")


def _decide(task: Task = _TASK, last: Checkpoint | None = None, **facts: Any) -> Decision:
    given: dict[str, Any] = {
        "has_cursor": True,
        "key": ("id",),
        "version": "changed",
        "fingerprint": "f",
        "full": False,
    }
    return decide(task, last=last, **(given | facts))


def _last(decision: Decision, **fields: Any) -> Checkpoint:
    whole = Checkpoint(
        task="t",
        generation=4,
        cursor={"at": 1},
        passes=1,
        fingerprint=decision.fingerprint,
        aside=None,
        passes_since_sweep=0,
        run="r",
    )
    return replace(whole, **fields)


def test_the_first_run_reads_everything_and_commits_as_it_goes() -> None:
    first = _decide()
    assert (first.disposition, first.direct, first.since) == (Disposition.MERGE, True, None)
    assert not first.incremental
    assert not first.resuming
    assert first.full_because == ""


def test_without_a_key_the_target_is_replaced() -> None:
    first = _decide(key=(), version=None)
    assert (first.disposition, first.direct) == (Disposition.REPLACE, False)


def test_later_runs_read_what_changed() -> None:
    found = _decide(last=_last(_decide()))
    assert found.incremental
    assert found.direct
    assert found.since == {"at": 1}


def test_what_an_earlier_start_left_out_is_read() -> None:
    since = datetime(2025, 1, 10, tzinfo=UTC)
    begun = _last(_decide(replace(_TASK, start=since)))
    assert _decide(replace(_TASK, start=since), last=begun).incremental
    for start in (None, since - timedelta(days=1)):
        found = _decide(replace(_TASK, start=start), last=begun)
        assert not found.incremental
        assert found.full_because


def test_what_is_written_to_another_column_is_read_again() -> None:
    upsert = replace(_TASK, disposition=Disposition.MERGE, flow=Flow(mapping={"name": "a"}))
    begun = _last(_decide(upsert))
    assert _decide(upsert, last=begun).incremental
    other = replace(upsert, flow=Flow(mapping={"name": "b"}))
    assert not _decide(other, last=begun).incremental
    quicker = replace(upsert, flow=Flow(mapping={"name": "a"}, batch_size=10))
    assert _decide(quicker, last=begun).incremental


def test_a_first_pass_that_was_cut_off_goes_on() -> None:
    found = _decide(last=_last(_decide(), passes=0))
    assert found.resuming
    assert found.direct
    assert found.since == {"at": 1}


@pytest.mark.parametrize("full", [False, True])
def test_a_pass_aside_goes_on_whatever_is_said(*, full: bool) -> None:
    found = _decide(last=_last(_decide(), aside="x"), full=full)
    assert found.resuming
    assert not found.direct
    assert found.last is not None
    assert found.last.aside == "x"


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        ({"full": True}, "--full"),
        ({"fingerprint": "another"}, "changed"),
        ({"key": ("id", "x")}, "changed"),
        ({"has_cursor": False}, "do not tell when they changed"),
    ],
    ids=["full", "query", "key", "no cursor"],
)
def test_everything_is_read_again_beside_the_target(facts: dict[str, Any], because: str) -> None:
    last = _last(_decide(), aside="old") if "fingerprint" in facts else _last(_decide())
    found = _decide(last=last, **facts)
    assert because in found.full_because
    assert not found.direct
    assert not found.incremental
    assert found.since is None
    assert found.last is not None
    # What another query began to collect is no use; the fence is.
    assert (found.last.aside, found.last.cursor, found.last.generation) == (None, None, 4)


def test_a_merged_table_begins_its_history_without_reading_again() -> None:
    history = replace(_TASK, disposition=Disposition.HISTORY)
    assert _decide(history, _last(_decide())).incremental
    assert not _decide(_TASK, _last(_decide(history))).incremental


@pytest.mark.parametrize(
    ("task", "key"),
    [
        (replace(_TASK, disposition=Disposition.MERGE), ()),
        (replace(_TASK, disposition=Disposition.HISTORY), ()),
        (replace(_TASK, deletes=Deletes.SOFT, disposition=Disposition.APPEND), ("id",)),
        (replace(_TASK, deletes=Deletes.SOFT), ()),
        (replace(_TASK, target="_syncline_checkpoints"), ("id",)),
    ],
    ids=["merge", "history", "soft append", "soft replace", "our table"],
)
def test_what_a_query_cannot_give_is_refused(task: Task, key: tuple[str, ...]) -> None:
    with pytest.raises(QueryError) as refused:
        _decide(task, key=key)
    assert refused.value.hint


_ROWS = pa.schema([("id", pa.int64()), ("name", pa.string())])
_WIDER = pa.schema([("id", pa.int64()), ("name", pa.large_string())])
_ADDING = replace(_TASK, disposition=Disposition.APPEND)


@pytest.mark.parametrize("facts", [{"missing": True}, {"fingerprint": "other"}])
def test_a_pass_of_which_rows_were_added_does_not_begin_anew_by_itself(facts: Any) -> None:
    first = _decide(_ADDING, key=(), version=None, kept=_ROWS)
    begun = _last(first, aside="a", collected=True, passes=0)
    with pytest.raises(QueryError, match="there twice"):
        _decide(_ADDING, last=begun, key=(), version=None, kept=_ROWS, **facts)
    anew = _decide(_ADDING, last=begun, key=(), version=None, kept=_ROWS, full=True, **facts)
    assert anew.last is not None
    assert (anew.resuming, anew.last.aside, anew.last.collected) == (False, None, False)


@pytest.mark.parametrize(
    ("disposition", "key", "version"),
    [
        (Disposition.APPEND, ("id",), "changed"),
        (Disposition.MERGE, ("id",), None),
        (Disposition.REPLACE, (), None),
    ],
)
def test_what_may_be_written_twice_begins_anew(
    disposition: Disposition, key: tuple[str, ...], version: str | None
) -> None:
    task = replace(_TASK, disposition=disposition)
    first = _decide(task, key=key, version=version, has_cursor=False)
    begun = _last(first, aside="a", collected=True)
    anew = _decide(task, last=begun, key=key, version=version, has_cursor=False, missing=True)
    assert anew.last is not None
    assert (anew.resuming, anew.last.aside, anew.last.collected) == (False, None, False)
    assert "is gone" in anew.full_because


def test_files_of_a_pass_have_the_same_types() -> None:
    first = _decide(_ADDING, key=(), version=None, kept=_ROWS)
    # Of an earlier version, which noted no types.
    older = _last(first, aside="a", passes=0, fingerprint=first.fingerprint[:32])
    begun = _last(first, aside="a", passes=0)
    for last, schema, resumes in (
        (begun, _ROWS, True), (begun, _WIDER, False), (older, _WIDER, True),
        (replace(begun, collected=True), _WIDER, True),
    ):  # fmt: skip
        found = _decide(_ADDING, last=last, key=(), version=None, kept=schema)
        assert found.resuming is resumes
