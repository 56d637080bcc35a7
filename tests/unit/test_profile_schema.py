"""The profile's model and its JSON Schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from syncline.model.table import Operator
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.schema import (
    IN_WORDS,
    Column,
    ColumnFilter,
    ObjectColumn,
    ParentFanOut,
    Profile,
    ValueFanOut,
)

SCHEMA = Profile.model_json_schema()


def parts(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping within a schema, with where it is."""
    if isinstance(schema, dict):
        yield at, schema
        for key, value in schema.items():
            if key == "default":
                continue
            yield from parts(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from parts(value, f"{at}/{index}")


def test_it_describes_every_key() -> None:
    models = {"Profile": SCHEMA, **SCHEMA["$defs"]}
    assert len(models) > 20
    for name, model in models.items():
        if model.get("type") != "object":
            continue
        assert model["description"], name
        assert model["additionalProperties"] is False, name
        for key, schema in model["properties"].items():
            # What is said of a part of its own stands there.
            assert schema.get("description") or schema.get("$ref"), f"{name}.{key}"


def test_every_reference_leads_somewhere() -> None:
    references = {s["$ref"] for _, s in parts(SCHEMA) if isinstance(s.get("$ref"), str)}
    assert references
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_every_type_is_one_of_json_schema() -> None:
    known = {"object", "array", "string", "integer", "number", "boolean", "null"}
    types = {s["type"] for _, s in parts(SCHEMA) if isinstance(s.get("type"), str)}
    assert types <= known


def test_it_names_no_module() -> None:
    assert "syncline." not in str(SCHEMA)


@pytest.mark.parametrize("name", bundled_profiles())
def test_bundled_profiles_survive_the_way_through_json(name: str) -> None:
    profile = load_profile(name)
    assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert Profile.model_validate(profile.model_dump()) == profile


def test_columns_are_told_apart_by_their_form() -> None:
    profile = Profile.model_validate(
        {
            "name": "A",
            "auth": [{"scheme": "None"}],
            "base_url": "x",
            "tables": {
                "T": {
                    "path": "/t",
                    "columns": {
                        "a": "decimal(12,2)",
                        "b": {"type": "json"},
                        "c": {"object": {"d": "date", "e": {"type": "string", "size": 3}}},
                        "f": Column(type="date"),
                        "g": ObjectColumn(object={"h": Column(type="time")}),
                    },
                    "filters": {"a": {"parameter": "p"}, "b": [{"parameter": "p"}]},
                    "fan_out": {"parameter": "p", "values": ["x"]},
                },
                "U": {"path": "/u", "columns": {"a": "date"}, "fan_out": {"parent": "T"}},
                "V": {"path": "/v", "columns": {"a": "date"}, "fan_out": ParentFanOut(parent="T")},
            },
        }
    )
    table = profile.tables["T"]
    kinds = {name: type(column) for name, column in table.columns.items()}
    assert kinds == {"a": str, "b": Column, "c": ObjectColumn, "f": Column, "g": ObjectColumn}
    assert isinstance(table.filters["a"], ColumnFilter)
    assert isinstance(table.filters["b"], tuple)
    assert isinstance(table.fan_out, ValueFanOut)
    assert profile.tables["U"].fan_out == profile.tables["V"].fan_out


def test_column_types() -> None:
    types = "string integer number boolean date datetime time json scalar decimal(9,0)"
    for type_ in types.split():
        assert Column(type=type_).type == type_


@pytest.mark.parametrize("type_", ["", "str", "String", "decimal", "decimal(9, 2)", "json "])
def test_what_is_no_column_type(type_: str) -> None:
    with pytest.raises(ValidationError):
        Column(type=type_)


def test_a_profile_cannot_be_changed() -> None:
    profile = load_profile("clio")
    with pytest.raises(ValidationError):
        profile.name = "Other"


def test_bounds_may_be_widened() -> None:
    bounds = (Operator.GT, Operator.GE)
    assert ColumnFilter(parameter="a", operators=bounds, exact=False, widen=60).widen == 60


def test_patterns_have_words() -> None:
    patterns = {s["pattern"] for _, s in parts(SCHEMA) if isinstance(s.get("pattern"), str)}
    names = {p for _, s in parts(SCHEMA) for p in s.get("patternProperties", ())}
    assert patterns | names == set(IN_WORDS) - {"[type]"}
