"""Whatever a project file can say about jobs is applied, exported and compared without loss.

The options are found in the models themselves, so that one that is added is tried, too.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from control.planes import ADMIN, CLIO, LAKE, plane_of
from syncline.control.plane import Plane
from syncline.control.project import JobSpec, Project, TaskSpec, started_by
from syncline.control.store.database import open_store
from syncline.control.store.schema import migrate
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases.project_files import (
    apply_project,
    compare_project,
    export_project,
)
from syncline.control.yaml_writing import written
from syncline.errors import ConfigError, ProjectError
from syncline.profile.loader import parse

_CHANNELS = ("ops", "team")
#: PostgreSQL keeps no zero bytes, UTF-8 no halves of characters.
_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
_names = st.sampled_from(["id", "Name", "order", "näme", "a b"])
#: Of options whose texts have a form of their own.
_FORMS: Mapping[str, st.SearchStrategy[Any]] = {
    "table": st.sampled_from(["Matters", "Users", "Bills"]),
    "query": st.sampled_from(["SELECT id FROM Matters", "SELECT count(*) AS n\nFROM Bills\n"]),
    "where": st.sampled_from(["id > 3", "name = 'yes' -- no\n"]),
    "columns": st.lists(
        _names
        | st.fixed_dictionaries({"id": _names})
        | st.just({"expression": 'upper("name")', "as": "up"}),
        min_size=1, max_size=3,
    ),
    "into": st.sampled_from(["Target", "raw.Target", "[odd name].[x]"]),
    "start": st.sampled_from(["2025-01-01", "2025-06-30T23:59:59+02:00", "2025-01-01T00:00:00Z"]),
    "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]),
    "cron": st.sampled_from(["*/7 * * * *", "0 3 L * *", "5 4 * * 1-5"]),
    "at": st.sampled_from(["00:00", "08:30", "23:59"]),
    "daily_at": st.sampled_from(["00:00", "08:30", "23:59"]),
    "day": st.sampled_from([1, 31, "last"]),
    "job": st.just("first"),
    "channels": st.lists(st.sampled_from(_CHANNELS), min_size=1, unique=True),
    "labels": st.lists(st.sampled_from(["law", "night", "true", "1.0"]), unique=True),
    "command": st.sampled_from(["dbt build", "'a b' --yes"]),
    "source": st.just("clio"),
    "destination": st.just("lake"),
}  # fmt: skip
#: Tasks come in `_jobs`: each has a target of its own.
_APART = {"tasks"}


def _values(name: str, kind: Any, rules: Sequence[object]) -> st.SearchStrategy[Any]:
    """Return what an option may be, as JSON has it."""
    if name in _FORMS:
        return _FORMS[name]
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        found = _values(name, inside[0], [*rules, *_rules(inside[1:])])
    elif origin is Literal:
        found = st.sampled_from(inside)
    elif origin in {Union, UnionType}:
        found = st.one_of([_values(name, k, rules) for k in inside if k is not NoneType])
    elif origin is tuple:
        found = st.lists(_values("", inside[0], ()), min_size=1, max_size=2)
    elif origin is dict:
        found = st.dictionaries(_names, _values("", inside[1], ()), min_size=1, max_size=2)
    else:
        found = _plain(kind, rules)
    return found


def _plain(kind: Any, rules: Sequence[object]) -> st.SearchStrategy[Any]:
    if issubclass(kind, BaseModel):
        return _documents(kind)
    least = next((r.ge for r in rules if isinstance(r, limits.Ge)), None)
    over = next((r.gt for r in rules if isinstance(r, limits.Gt)), None)
    most = next((r.le for r in rules if isinstance(r, limits.Le)), None)
    low = least if over is None else over
    known: dict[object, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        str: _texts,
        int: st.integers(
            None if low is None else int(str(low)) + (over is not None),
            2**40 if most is None else int(str(most)),
        ),
        float: st.floats(
            None if low is None else float(str(low)),
            None if most is None else float(str(most)),
            exclude_min=over is not None, allow_nan=False, allow_infinity=False,
        ),
    }  # fmt: skip
    return known[kind]


def _rules(given: Sequence[object]) -> Iterator[object]:
    for rule in given:
        yield from rule.metadata if isinstance(rule, FieldInfo) else [rule]


def _documents(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Return documents of a model: options are put in as long as they do not contradict."""
    options = {
        field.alias or name: _values(name, field.annotation, field.metadata)
        for name, field in model.model_fields.items()
        if name not in _APART
    }
    needed = {
        field.alias or name
        for name, field in model.model_fields.items()
        if field.default is PydanticUndefined and field.default_factory is None
    }

    @st.composite
    def made(draw: st.DrawFn) -> dict[str, Any]:
        found = {name: draw(options[name]) for name in options if name in needed}
        order = draw(st.permutations(sorted(options)))
        # Twice: some are nothing without another one.
        for name in (*order, *order):
            if name not in found and (not _valid(model, found) or draw(st.booleans())):
                tried = {**found, name: draw(options[name])}
                found = tried if _valid(model, tried) else found
        return found

    return made().filter(lambda found: _valid(model, found))


def _valid(model: type[BaseModel], given: dict[str, Any]) -> bool:
    try:
        model.model_validate(given)
    except ValidationError:
        return False
    return True


@st.composite
def _jobs(draw: st.DrawFn) -> dict[str, Any]:
    job = draw(_documents(JobSpec))
    tasks: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 2))):
        task = {**draw(_documents(TaskSpec)), "into": f"Target{number}"}
        try:
            all_tasks_of("second", JobSpec.model_validate({**job, "tasks": [*tasks, task]}))
        except (ConfigError, ValidationError):
            continue
        tasks.append(task)
    found = {**job, "tasks": tasks} if tasks else job
    spec = JobSpec.model_validate(found)
    if spec.schedule is not None and spec.schedule.after is not None and started_by(spec):
        del found["schedule"]  # it begins after 'first', and would start it
    return found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("model") / "store.db"

    async def made() -> None:
        store = open_store(f"sqlite:///{path}")
        await migrate(store)
        await store.aclose()

    asyncio.run(made())
    return f"sqlite:///{path}"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(_jobs())
@example({"source": "clio", "destination": "lake", "schedule": {"continuous": 0.0}})
def test_nothing_is_lost_on_the_way(address: str, job: dict[str, Any]) -> None:
    document = {
        "connections": {
            name: spec.model_dump(mode="json", exclude_defaults=True)
            for name, spec in (("clio", CLIO), ("lake", LAKE))
        },
        "channels": {name: {"url": f"json://{name}"} for name in _CHANNELS},
        "jobs": {"first": {"source": "clio", "destination": "lake"}, "second": job},
    }
    asyncio.run(_there_and_back(address, document))


class _Undone(Exception):
    """Ends a transaction that shall leave nothing."""


async def _there_and_back(address: str, document: dict[str, Any]) -> None:
    store = open_store(address)
    try:
        await _compared(plane_of(store), document)
    except _Undone:
        pass
    finally:
        await store.aclose()


async def _compared(plane: Plane, document: dict[str, Any]) -> None:
    project = parse(written(document), "file", Project, ProjectError)
    async with plane.changing(ADMIN) as work:
        await apply_project(work, project)
        assert await compare_project(work, project) == ()
        exported = await export_project(work, secrets="sealed")
        again = parse(written(exported.document), "file", Project, ProjectError)
        assert again.jobs == project.jobs
        assert await compare_project(work, again, prune=True) == ()
        raise _Undone
