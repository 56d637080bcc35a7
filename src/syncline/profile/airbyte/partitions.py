"""Partition routers as fan-outs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.profile.airbyte.expressions import Constant, Reference, dotted, text_of
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.paging import Option, option_of
from syncline.profile.airbyte.settings import Settings
from syncline.profile.airbyte.templates import expression

#: Returns the table of a stream and its column at a dotted path. Raises `Refused`.
ParentOf = Callable[[Component, str], tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """What a table is listed for, once each."""

    fan_out: Mapping[str, Any] = field(default_factory=dict)
    #: What manifests call the value of a walk, and what profiles do.
    names: Mapping[str, str] = field(default_factory=dict)
    #: Where the value goes, beside templates that name it.
    options: tuple[tuple[Option, str], ...] = ()
    notes: tuple[str, ...] = ()


def partitions_of(routers: list[Component], settings: Settings, parent_of: ParentOf) -> Partitions:
    """Return a partition_router as profiles have it. Raises `Refused`."""
    if not routers:
        return Partitions()
    if len(routers) > 1:
        raise Refused("several partition routers for one stream")
    (router,) = routers
    match router.type:
        case "ListPartitionRouter" | "ListStreamSlicer":
            return _list(router, settings)
        case "SubstreamPartitionRouter" | "SubstreamSlicer":
            return _substream(router, parent_of)
        case other:
            raise Refused(other or "a partition_router without type")


def _list(router: Component, settings: Settings) -> Partitions:
    name = _constant(router, "cursor_field")
    option = option_of(router.part("request_option"), "request_option")
    fan_out: dict[str, Any] = {}
    given = router.get("values")
    if isinstance(given, list):
        fan_out["values"] = [_value(each, router) for each in given]
    else:
        match expression(given, router.parameters):
            case Reference(root="config") as reference:
                fan_out["setting"] = settings.name(reference)
            case Constant(value=[*values]):
                fan_out["values"] = [text_of(value) for value in values]
            case _:
                raise Refused(router.type, f"the values {given}")
    if not fan_out.get("values", ["x"]):
        raise Refused(router.type, "without values")
    options: tuple[tuple[Option, str], ...] = ()
    if option is not None and not option.place:
        fan_out = {"parameter": option.parameter, **fan_out}
    elif option is not None:
        options = ((option, "{value}"),)
    fan_out["into"] = name
    return Partitions(fan_out=fan_out, names={name: "{value}"}, options=options)


def _value(given: Any, router: Component) -> str:
    found = expression(given, router.parameters)
    if not isinstance(found, Constant):
        raise Refused(router.type, f"the value {given}")
    return text_of(found.value)


def _substream(router: Component, parent_of: ParentOf) -> Partitions:
    parents = list(router.parts("parent_stream_configs"))
    if len(parents) != 1:
        raise Refused(router.type, f"{len(parents)} parent streams")
    (config,) = parents
    stream = config.part("stream")
    if stream is None:
        raise Refused(router.type, "without a parent stream")
    key, name = _constant(config, "parent_key"), _constant(config, "partition_field")
    parent, column = parent_of(stream, dotted([key], "parent_key"))
    place = f"{{parent.{column}}}"
    option = option_of(config.part("request_option"), "request_option")
    notes = []
    if config.get("incremental_dependency"):
        notes.append("incremental_dependency: every parent is asked for, changed or not")
    if config.get("extra_fields"):
        notes.append("extra_fields of the parent are left out")
    return Partitions(
        fan_out={"parent": parent, "column": column, "into": name},
        names={name: place},
        options=() if option is None else ((option, place),),
        notes=tuple(notes),
    )


def _constant(component: Component, name: str) -> str:
    found = expression(component.get(name), component.parameters)
    if not isinstance(found, Constant) or found.value is None:
        raise Refused(component.type or "partition_router", f"the {name} {component.get(name)}")
    return str(found.value)
