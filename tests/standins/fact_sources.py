"""Writes what others publish of records, from a folder of unpacked packages.

As a script: the folder, and the names of profiles if not all are to be written. Read are

- stripe (PyPI): the vendor's client, of which records are generated from its OpenAPI document;
- @octokit/openapi (npm): the vendor's OpenAPI document;
- hubspot-api-client, xero-python (PyPI): the vendors' clients, generated from OpenAPI documents;
- airbyte-source-… (PyPI): schemas of another open connector;
- python-quickbooks (PyPI): the classes of a client.
"""

import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from standins.client_classes import asked_by, commented, members_of, shape_in
from standins.profile_facts import (
    FACTS,
    Shape,
    airbyte,
    github,
    kept,
    quickbooks,
    shape_of,
    snake,
    stripe,
    used_paths,
)
from syncline.profile.loader import load_profile


def hubspot(client: Path, connector: Path) -> dict[str, Shape]:
    """Return the members of records.

    The client says that every property is a text, and leaves their names to the account; the
    connector names those of what was said and done.
    """
    models, (schemas,) = client / "hubspot" / "crm", connector.rglob("schemas")
    found = {}
    for name, used in used_paths(load_profile("hubspot")).items():
        place, of_class = _HUBSPOT.get(name, (snake(name), _OBJECT))
        shape, free = shape_in(members_of(models / place / "models"), of_class, used)
        file = schemas / f"engagements_{snake(name)}.json"
        if file.exists():
            named = shape_of(json.loads(file.read_text("utf-8")), schemas)
            unknown = {path for path in free if path not in named}
            shape = {path: kind for path, kind in shape.items() if path not in unknown}
        found[name] = shape
    return found


_OBJECT = "SimplePublicObjectWithAssociations"
_SAID = ("Calls", "Emails", "Meetings", "Notes", "Tasks")
_HUBSPOT = {
    "DealPipelines": ("pipelines", "Pipeline"),
    "TicketPipelines": ("pipelines", "Pipeline"),
    "Owners": ("owners", "PublicOwner"),
    "Users": ("objects", _OBJECT),
    **{name: (f"objects/{name.lower()}", _OBJECT) for name in _SAID},
}


def xero(client: Path) -> dict[str, Shape]:
    """Return the members of the records of Xero's tables."""
    (models,) = client.rglob("accounting/models")
    classes, found = members_of(models), {}
    for name, used in used_paths(load_profile("xero")).items():
        # Lists of XML are elements around elements, those of JSON are not.
        plain = {path: re.sub(r"\b((\w+?)(?:es|s)\.)\2\.", r"\1", path) for path in used}
        shape, _ = shape_in(classes, _singular(name), plain.values())
        found[name] = {path: kind.replace("array", "array|object") for path, kind in shape.items()}
        found[name] |= {path: shape[own] for path, own in plain.items() if own in shape}
    return found


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")


def zenpy(folder: Path) -> dict[str, Shape]:
    """Return the members of records that only this client describes."""
    (file,) = folder.rglob("api_objects/__init__.py")
    source = file.read_text("utf-8")
    return {name: commented(source, of_class) for name, of_class in _ZENPY.items()}


_ZENPY = {"CustomStatuses": "CustomStatus", "SuspendedTickets": "SuspendedTicket", "Views": "View"}


def singer(
    folder: Path,
    profile: str,
    others: Mapping[str, str],
    *,
    lists: Mapping[str, str] | None = None,
) -> dict[str, Shape]:
    """Return the members of records that a Singer tap has a file of their name for.

    ``lists``: of tables, a list inside their records that has a file of its own.
    """
    found: dict[str, Shape] = {}
    for name in load_profile(profile).tables:
        own = others.get(name, snake(name))
        found |= {name: shape} if (shape := _filed(folder, own)) else {}
        inside = (lists or {}).get(name)
        if inside is not None:
            elements = _filed(folder, f"{own.removesuffix('s')}_{inside}")
            found.setdefault(name, {}).update({f"{inside}.{k}": v for k, v in elements.items()})
    return found


def _filed(folder: Path, name: str) -> Shape:
    file = next(folder.rglob(f"schemas/{name}.json"), None)
    return shape_of(json.loads(file.read_text("utf-8")), file.parent) if file is not None else {}


def both(one: Mapping[str, Shape], other: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return what either of two sources knows."""
    found = {name: dict(shape) for name, shape in one.items()}
    for name, shape in other.items():
        own = found.setdefault(name, {})
        for path, kind in shape.items():
            kinds = {*kind.split("|"), *own.get(path, kind).split("|")}
            own[path] = "|".join(sorted(kinds))
    return found


_ZENDESK = {
    "Articles": "articles", "CustomStatuses": "-", "Views": "-", "SuspendedTickets": "-",
}  # fmt: skip
_SHOPIFY = {
    "AbandonedCheckouts": "abandoned_checkouts", "OrderTransactions": "transactions",
    "Payouts": "-",
}  # fmt: skip
_HARVEST = {
    "ProjectBudgets": "project_budget", "UserBillableRates": "billable_rates",
    "UserCostRates": "cost_rates",
}  # fmt: skip
_JIRA = {
    "Components": "project_components", "Priorities": "issue_priorities",
    "Resolutions": "issue_resolutions", "Statuses": "-",
    "Versions": "project_versions", "Fields": "issue_fields",
}  # fmt: skip
_SLACK = {"Messages": "channel_messages", "JoinedChannels": "channels"}
#: The tap has another kind of groups under this name.
_SLACK_TAP = {"JoinedChannels": "channels", "UserGroups": "-"}
_CONNECTOR = "schemas of another open connector"
_CONNECTORS = "schemas of other open connectors"
_GENERATED = "the vendor's client, generated from its OpenAPI document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the facts of a profile are from, and what reads them there."""

    text: str
    read: Callable[[Path], Mapping[str, Shape]]
    #: The classes that ask, if the package has them.
    asks: str = ""


SOURCES = {
    "stripe": Source(
        text=f"stripe 10.12.0 (PyPI): {_GENERATED}",
        read=lambda folder: stripe(folder / "stripe"),
    ),
    "github": Source(
        text="@octokit/openapi 23.0.2 (npm): the vendor's OpenAPI document",
        read=lambda folder: github(folder / "octokit"),
    ),
    "hubspot": Source(
        text="hubspot-api-client 12.0.0 and airbyte-source-hubspot 5.7.0 (PyPI): "
        f"{_GENERATED}; {_CONNECTOR}",
        read=lambda folder: hubspot(
            folder / "hubspot_api_client", folder / "airbyte_source_hubspot"
        ),
        asks="hubspot_api_client/hubspot/crm",
    ),
    "xero": Source(
        text=f"xero-python 15.2.0 (PyPI): {_GENERATED}",
        read=lambda folder: xero(folder / "xero_python"),
        asks="xero_python",
    ),
    "harvest": Source(
        text=f"airbyte-source-harvest 1.0.19 and tap-harvest 3.1.1 (PyPI): {_CONNECTORS}",
        read=lambda folder: both(
            airbyte(folder / "airbyte_source_harvest", "harvest", _HARVEST),
            singer(folder / "tap_harvest", "harvest", {}, lists={"Estimates": "line_items"}),
        ),
    ),
    "jira": Source(
        text=f"airbyte-source-jira 4.0.0 and tap-jira 2.6.0 (PyPI): {_CONNECTORS}",
        read=lambda folder: both(
            airbyte(folder / "airbyte_source_jira", "jira", _JIRA),
            singer(folder / "tap_jira", "jira", {"IssueWorklogs": "worklogs"}),
        ),
    ),
    "slack": Source(
        text=f"airbyte-source-slack 3.0.0 and tap-slack 1.1.2 (PyPI): {_CONNECTORS}",
        read=lambda folder: both(
            airbyte(folder / "airbyte_source_slack", "slack", _SLACK),
            singer(folder / "tap_slack", "slack", _SLACK_TAP),
        ),
    ),
    "asana": Source(
        text=f"tap-asana 2.5.1 (PyPI): {_CONNECTOR}",
        read=lambda folder: singer(folder / "tap_asana", "asana", {}),
    ),
    "toggl": Source(
        text=f"tap-toggl 2.1.0 (PyPI): {_CONNECTOR}",
        read=lambda folder: singer(
            folder / "tap_toggl", "toggl", {"MyTimeEntries": "time_entries"}
        ),
    ),
    "zendesk": Source(
        text=f"airbyte-source-zendesk-support 4.9.1 and zenpy 2.0.57 (PyPI): "
        f"{_CONNECTOR}; a client",
        read=lambda folder: both(
            airbyte(folder / "airbyte_source_zendesk_support", "zendesk", _ZENDESK),
            zenpy(folder / "zenpy"),
        ),
    ),
    "shopify": Source(
        text=f"airbyte-source-shopify 4.3.0 (PyPI): {_CONNECTOR}",
        read=lambda folder: airbyte(folder / "airbyte_source_shopify", "shopify", _SHOPIFY),
    ),
    "quickbooks": Source(
        text=f"airbyte-source-quickbooks 4.0.4 and python-quickbooks 0.9.12 (PyPI): {_CONNECTOR}",
        read=lambda folder: quickbooks(
            folder / "airbyte_source_quickbooks", folder / "python_quickbooks"
        ),
    ),
}


def _asks(profile: str, known: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return the query parameters of the requests of a profile's tables; none where unknown."""
    found = {}
    for name, table in load_profile(profile).tables.items():
        general = re.sub(r"/(objects|pipelines)/\w+$", r"/\1/{objectType}", table.path)
        asked = known.get(table.path, known.get(general))
        if asked is not None:
            found[name] = sorted(asked)
    return found


def main(folder: Path, names: Collection[str]) -> None:
    """Write what is known of each profile."""
    FACTS.mkdir(exist_ok=True)
    for name, source in SOURCES.items():
        if names and name not in names:
            continue
        content: dict[str, object] = {"from": source.text}
        if source.asks:
            content["asks"] = _asks(name, asked_by(folder / source.asks))
        content["tables"] = kept(load_profile(name), source.read(folder))
        text = json.dumps(content, indent=0, sort_keys=False)
        (FACTS / f"{name}.json").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
