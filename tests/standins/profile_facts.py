"""What others publish of the records of bundled profiles' APIs: names and types, nothing else."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.schema import Profile

FACTS = Path(__file__).parents[1] / "unit" / "data" / "facts"
#: Members are noted so deep; deeper ones, if a profile reads them.
_NOTED, _DEEPEST = 1, 5

#: Types by dotted path; a list is what its elements are, too.
Shape = dict[str, str]


def record_columns(profile: Profile) -> Iterator[tuple[str, str, FlatColumn]]:
    """Yield table, path from the record of the API's table, and column, of every record column."""
    for name, table in profile.tables.items():
        for column in table_columns(profile, table):
            if column.origin == "record":
                yield name, ".".join(column.path), column
        for child_name, child in table.children.items():
            for column in child_columns(profile, table, child):
                if column.origin == "record":
                    yield child_name, ".".join((child.list, *column.path)), column


def parents(profile: Profile) -> Mapping[str, str]:
    """Return the API's table of every table."""
    found = {name: name for name in profile.tables}
    return found | {c: name for name, t in profile.tables.items() for c in t.children}


# -- JSON Schema and OpenAPI


def shape_of(schema: Any, root: Any, prefix: str = "", depth: int = 0) -> Shape:
    """Return the members of a schema, through lists and all of its alternatives."""
    found: Shape = {}
    if depth > _DEEPEST:
        return found
    for each in _alternatives(schema, root):
        for name, inner in (each.get("properties") or {}).items():
            path = f"{prefix}{name}"
            found.setdefault(path, _kind(inner, root))
            found |= shape_of(inner, root, f"{path}.", depth + 1)
        if "items" in each:
            found |= shape_of(each["items"], root, prefix, depth + 1)
    return found


def _alternatives(schema: Any, root: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield from _alternatives(_referred(reference, root), root)
        return
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(word, ()):
            yield from _alternatives(each, root)


def _referred(reference: str, root: Any) -> Any:
    if isinstance(root, Path):  # files beside each other
        name = Path(reference.partition("#")[0]).name
        places = (root / "shared" / name, root / f"{name}.json", root / f"{name}s.json")
        file = next((place for place in places if place.is_file()), None)
        return {} if file is None else json.loads(file.read_text("utf-8"))
    for step in reference.removeprefix("#/").split("/"):
        root = root[step]
    return root


def _kind(schema: Any, root: Any) -> str:
    kinds: list[str] = []
    for each in _alternatives(schema, root):
        own = each.get("type", [])
        for type_ in [own] if isinstance(own, str) else own:
            form = each.get("format", "")
            kinds.append({"date-time": "datetime", "date": "date"}.get(form, type_))
    known = sorted(set(kinds) - {"null"})
    return "|".join(known) or "any"


# -- Stripe's classes

_STRIPE_KINDS = {"int": "integer", "str": "string", "bool": "boolean", "float": "number"}


def stripe_shapes(package: Path) -> dict[str, Shape]:
    """Return the members of every object, by its OBJECT_NAME."""
    own = {
        name: node
        for file in sorted(package.rglob("_*.py"))
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and (name := _object_name(node))
    }
    embedded = {own[name].name: own[name] for name in _EMBEDDED}
    return {name: _members(node, "", 0, embedded) for name, node in own.items()}


#: Objects that others hold whole, not by their id.
_EMBEDDED = ("price", "coupon")


def _object_name(node: ast.ClassDef) -> str | None:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and getattr(each.target, "id", "") == "OBJECT_NAME":
            return str(ast.literal_eval(each.value)) if each.value is not None else None
    return None


def _members(
    node: ast.ClassDef, prefix: str, depth: int, embedded: Mapping[str, ast.ClassDef]
) -> Shape:
    own = {each.name: each for each in node.body if isinstance(each, ast.ClassDef)}
    inner = {**embedded, **own}
    found: Shape = {}
    for each in node.body:
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
            continue
        text = ast.unparse(each.annotation)
        if text.startswith("ClassVar"):
            continue
        path = f"{prefix}{each.target.id}"
        words = set(re.findall(r"[A-Za-z_]+", re.sub(r"Literal\[[^\]]*\]", "str", text)))
        kinds = {_STRIPE_KINDS[word] for word in words & _STRIPE_KINDS.keys()}
        if words & {"ListObject", "List", "Dict"}:
            kinds = {"object" if "Dict" in words else "array"}
        elif "ExpandableField" in words:
            kinds = {"string"}
        elif not kinds:
            kinds = {"object"}
        found[path] = "|".join(sorted(kinds))
        for word in words & inner.keys():
            if depth < _DEEPEST:
                found |= _members(inner[word], f"{path}.", depth + 1, embedded)
    return found


_STRIPE_OBJECTS = {
    "CheckoutSessions": "checkout.session",
    "InvoiceItems": "invoiceitem",
    "InvoiceLines": "line_item",
}


# -- what is kept


def stripe(folder: Path) -> dict[str, Shape]:
    """Return the members of the records of Stripe's tables."""
    shapes = stripe_shapes(folder / "stripe")
    names = load_profile("stripe").tables
    return {name: shapes[_STRIPE_OBJECTS.get(name, snake(name)[:-1])] for name in names}


def github(folder: Path) -> dict[str, Shape]:
    """Return the members of the records of GitHub's tables."""
    document = json.loads((folder / "package/generated/api.github.com.json").read_bytes())
    paths = {re.sub(r"\{[^}]*\}", "{}", path): each for path, each in document["paths"].items()}
    found = {}
    for name, table in load_profile("github").tables.items():
        path = table.path.replace("{OwnerType}", "orgs")
        answer = paths[re.sub(r"\{[^}]*\}", "{}", path)]["get"]["responses"]["200"]
        shape = shape_of(answer["content"]["application/json"]["schema"], document)
        under = f"{table.records}." if table.records else ""
        found[name] = {
            path.removeprefix(under): k for path, k in shape.items() if path.startswith(under)
        }
    return found


def airbyte(folder: Path, profile: str, others: Mapping[str, str]) -> dict[str, Shape]:
    """Return the members of records that have a file of their name; ``others``: of other names."""
    (schemas,) = folder.rglob("schemas")
    found = {}
    for name in load_profile(profile).tables:
        file = schemas / f"{others.get(name, snake(name))}.json"
        if file.exists():
            found[name] = shape_of(json.loads(file.read_text("utf-8")), schemas)
    return found


def quickbooks(connector: Path, client: Path) -> dict[str, Shape]:
    """Return the members that a connector's manifest or the classes of a client have."""
    (file,) = connector.rglob("manifest.yaml")
    schemas = yaml.safe_load(file.read_text("utf-8"))["schemas"]
    classes = {
        node.name: node
        for each in sorted(client.rglob("objects/*.py"))
        for node in ast.parse(each.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    found = {}
    for name, table in load_profile("quickbooks").tables.items():
        shape = _of_class(classes, table.parameters["entity"], "", 0)
        found[name] = shape | shape_of(schemas.get(snake(name)), {})
    return found


def _of_class(classes: Mapping[str, ast.ClassDef], name: str, prefix: str, depth: int) -> Shape:
    """Return the attributes that a class and those above it set."""
    found: Shape = {}
    node = classes.get(name)
    if node is None or depth > _DEEPEST:
        return found
    for base in node.bases:
        found |= _of_class(classes, ast.unparse(base), prefix, depth)
    # What an attribute is set to at first says little of its type.
    for target, value in _assigned(node):
        if target.startswith("self."):
            flag = isinstance(value, ast.Constant) and isinstance(value.value, bool)
            found[f"{prefix}{target.removeprefix('self.')}"] = "boolean" if flag else "any"
        elif target in {"class_dict", "list_dict"}:
            for member, inner in _entries(value):
                found[f"{prefix}{member}"] = "any"
                found |= _of_class(classes, inner, f"{prefix}{member}.", depth + 1)
    # Lines have details, of one class for each kind.
    if f"{prefix}Line" in found:
        details = [value for target, value in _assigned(node) if target == "detail_dict"]
        for _, inner in (entry for value in details for entry in _entries(value)):
            found |= _of_class(classes, inner, f"{prefix}Line.", depth + 1)
    return found


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Assign):
            yield ast.unparse(each.targets[0]), each.value


def _entries(value: ast.expr) -> Iterator[tuple[str, str]]:
    assert isinstance(value, ast.Dict)
    for key, inner in zip(value.keys, value.values, strict=True):
        assert key is not None
        yield str(ast.literal_eval(key)), ast.unparse(inner)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def used_paths(profile: Profile) -> dict[str, set[str]]:
    """Return the paths that columns of a table, and of those inside its records, are read from."""
    above, used = parents(profile), dict[str, set[str]]()
    for name, path, _ in record_columns(profile):
        used.setdefault(above[name], set()).add(path)
    return used


def kept(profile: Profile, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    used = used_paths(profile)
    return {
        name: {
            path: kind
            for path, kind in sorted(shape.items())
            if path.count(".") < _NOTED or path in used.get(name, ())
        }
        for name, shape in shapes.items()
    }
