"""A profile's columns, flattened and typed."""

import pyarrow as pa
import pytest

from syncline.model.table import description_of, is_json, size_of
from syncline.profile.columns import FlatColumn, arrow_type, child_columns, table_columns
from syncline.profile.loader import parse_profile

PROFILE = parse_profile(
    """\
name: A
auth: [{scheme: None}]
base_url: https://api.example.com
tables:
  Parents:
    path: /parents
    primary_key: [id]
    columns:
      id: {type: string, size: 20, description: Its name.}
      note: {type: string, path: text.body, required: true}
      owner: {object: {id: integer, name: {type: string, path: owner.label.short}}}
      parts: {type: json, fields: [id, size]}
    filters:
      note: {parameter: n}
      word: {parameter: q, type: string}
      since: [{parameter: s, type: date, description: The first day.}]
    children:
      Parts:
        list: inner.parts
        primary_key: [parent_id, id]
        parent: {parent_id: id, owner: owner_name}
        columns: {id: integer, size: "decimal(9,2)"}
  Children:
    path: /parents/{parent.id}/children
    primary_key: [parent_id, id]
    columns: {id: integer}
    fan_out: {parent: Parents, into: parent_id}
    children:
      Grandchildren:
        list: children
        parent: {parent_id: parent_id, child_id: id}
        columns: {name: string}
  Named:
    path: /parents/{parent.id}/named
    columns: {id: integer, parent_id: integer}
    fan_out: {parent: Parents, into: parent_id}
  Kinds:
    path: /kinds
    columns: {id: integer}
    fan_out: {parameter: kind, values: [a, b], into: kind}
  Sorts:
    path: /sorts
    columns: {id: integer, sort: string}
    fan_out: {parameter: sort, values: [a, b], column: sort}
""",
    "a.yaml",
)


def columns(name: str) -> dict[str, FlatColumn]:
    return {c.name: c for c in table_columns(PROFILE, PROFILE.tables[name])}


@pytest.mark.parametrize(
    ("type_", "arrow"),
    [
        ("string", pa.string()),
        ("json", pa.string()),
        ("scalar", pa.string()),
        ("integer", pa.int64()),
        ("number", pa.float64()),
        ("boolean", pa.bool_()),
        ("date", pa.date32()),
        ("datetime", pa.timestamp("us", tz="UTC")),
        ("time", pa.time64("us")),
        ("decimal(12,2)", pa.decimal128(12, 2)),
    ],
)
def test_arrow_types(type_: str, arrow: pa.DataType) -> None:
    assert arrow_type(type_) == arrow


def test_columns_in_order_with_their_paths() -> None:
    paths = {name: (c.origin, c.path) for name, c in columns("Parents").items()}
    assert paths == {
        "id": ("record", ("id",)),
        "note": ("record", ("text", "body")),
        "owner_id": ("record", ("owner", "id")),
        "owner_name": ("record", ("owner", "label", "short")),
        "parts": ("record", ("parts",)),
        "word": ("filter", ()),
        "since": ("filter", ()),
    }
    assert list(paths) == list(columns("Parents"))


def test_columns_of_the_key_are_required() -> None:
    required = [name for name, c in columns("Parents").items() if c.required]
    assert required == ["id", "note"]


def test_filter_only_columns_are_described() -> None:
    assert columns("Parents")["word"].description == "Only to filter by."
    assert columns("Parents")["since"].description == "The first day."
    assert columns("Parents")["since"].type == "date"


def test_fields_carry_what_arrow_has_no_word_for() -> None:
    id_, parts = columns("Parents")["id"].field, columns("Parents")["parts"].field
    assert (id_.name, id_.type, id_.nullable) == ("id", pa.string(), False)
    assert (size_of(id_), description_of(id_), is_json(id_)) == (20, "Its name.", False)
    assert (parts.nullable, is_json(parts), size_of(parts)) == (True, True, None)
    assert columns("Parents")["parts"].fields == ("id", "size")


def test_a_walk_per_parent_adds_a_column() -> None:
    added = columns("Children")["parent_id"]
    assert (added.origin, added.type, added.path, added.required) == ("fan_out", "string", (), True)
    assert added.description == "The id of Parents."


def test_a_walk_adds_no_column_that_records_have() -> None:
    assert columns("Named")["parent_id"].origin == "record"
    assert list(columns("Named")) == ["id", "parent_id"]


def test_a_walk_per_value_may_add_a_column() -> None:
    added = columns("Kinds")["kind"]
    assert (added.origin, added.type, added.required) == ("fan_out", "string", True)
    assert added.description == "One of: a, b."
    assert list(columns("Sorts")) == ["id", "sort"]


def test_child_tables_repeat_columns_of_their_parent() -> None:
    parents = PROFILE.tables["Parents"]
    found = {c.name: c for c in child_columns(PROFILE, parents, parents.children["Parts"])}
    assert list(found) == ["parent_id", "owner", "id", "size"]
    assert (found["parent_id"].origin, found["parent_id"].path) == ("parent", ("id",))
    assert (found["parent_id"].type, found["parent_id"].size) == ("string", 20)
    assert (found["owner"].origin, found["owner"].path) == ("parent", ("owner", "label", "short"))
    assert (found["size"].origin, found["size"].type) == ("record", "decimal(9,2)")
    assert [n for n, c in found.items() if c.required] == ["parent_id", "id"]


def test_child_tables_repeat_what_the_walk_is_for() -> None:
    parent = PROFILE.tables["Children"]
    found = {c.name: c for c in child_columns(PROFILE, parent, parent.children["Grandchildren"])}
    assert (found["parent_id"].origin, found["parent_id"].type) == ("fan_out", "string")
    assert (found["child_id"].origin, found["child_id"].type) == ("parent", "integer")
    assert not any(c.required for c in found.values())
