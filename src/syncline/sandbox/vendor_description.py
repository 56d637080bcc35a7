"""What the YAML files in ``data/vendors`` say of each further API, as records."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

_FOLDER = "data/vendors"


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list is cut into pages.

    Attributes:
        kind: ``page`` numbers, an ``offset``, a ``token`` that the answer has, the ``last``
            record's own ``field``, or ``all`` at once.
        parameter: takes the number, the offset, the token or the last record.
        size: records of a page when nothing is asked for; ``maximum`` may be asked for with
            ``size_parameter``.
        clamp: to ask for more than the maximum is no error, but gives the maximum.
        link: the answer has a Link header with the address of the next page.
        alone: the next page's address has no parameters but these and the page's own, whose
            token remembers the others.
        inclusive: a page begins with the record that ``last`` names.
    """

    kind: Literal["page", "offset", "token", "last", "all"] = "all"
    parameter: str = ""
    first: int = 1
    size: int = 100
    size_parameter: str = ""
    maximum: int = 1000
    field: str = "id"
    clamp: bool = False
    link: bool = False
    alone: list[str] | None = None
    inclusive: bool = False


class Since(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list is asked for what has changed.

    Attributes:
        pattern: a regular expression whose first group is the time, where it stands in a text.
        form: ``iso``, ``epoch``, ``epoch_ms`` or a pattern of strptime.
        by: the time of the last change, or of creation.
    """

    parameter: str
    by: Literal["updated", "created"] = "updated"
    form: str = "iso"
    pattern: str = ""
    strict: bool = False


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list.

    Attributes:
        path: below the vendor's prefix; ``{parent}`` is the value that names the parent.
        parent: list and field, ``projects.id``, of the rows that these rows belong to.
        parent_parameter: the parameter that names the parent, if the path does not.
        rows: so many when the sandbox has a thousand; never fewer than ``least``.
        fields: by name, what a record has; see `vendor_values`.
        answer: the body, in which ``$rows``, ``$total`` … are filled in; see `vendor_pages`.
        filters: parameter: path in the record and operator, ``status.name =``.
        accepts: parameters that are allowed and change nothing.
        requires: parameters that must have exactly this value.
        given: values of parameters that are not sent.
        body: for POST: parameter: where it is in the body, with numbers for places in lists.
        deletes: fields that mark a deleted record; without it, such records are gone.
        projection: the parameter that names the fields wanted, with commas; ``always`` come.
        projected: the object of the record that is cut so, if it is not the record.
        only_with: field: the parameter without which it does not come.
        entity: its name in a SELECT, of lists that QuickBooks tells; ``selects``: fields that may
            stand in conditions, beside those that always may.
        searched: the property of the last change, of lists that HubSpot's search finds in.
    """

    path: str
    fields: dict[str, object]
    method: Literal["GET", "POST"] = "GET"
    parent: str = ""
    parent_parameter: str = ""
    rows: int = 50
    least: int = 3
    answer: object = None
    paging: Paging | None = None
    since: Since | None = None
    filters: dict[str, str] = {}
    accepts: list[str] = []
    requires: dict[str, str] = {}
    given: dict[str, str] = {}
    body: dict[str, str] = {}
    deletes: dict[str, object] | None = None
    projection: str = ""
    always: list[str] = []
    projected: str = ""
    only_with: dict[str, str] = {}
    newest_first: bool = False
    searched: str = ""
    entity: str = ""
    selects: list[str] = []


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many requests in a window, and the headers that tell of it."""

    requests: int
    seconds: float
    remaining: str = ""
    reset: str = ""
    reset_as: Literal["epoch", "seconds"] = "epoch"
    status: int = 429


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Headers or parameters that together prove who is asking; ``basic`` is user:password."""

    headers: dict[str, str] = {}
    parameters: dict[str, str] = {}
    basic: str = ""


class Vendor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One API.

    Attributes:
        title: the name for people.
        connection: the connection string for it; ``{url}`` is its address.
        auth: any of these proves who is asking; the sandbox's own OAuth tokens do so as well.
        refused: the body of an answer to those who prove nothing.
        failed: the body of other errors; ``$message`` is filled in.
        require: headers that every request must have.
        sign_in: paths of OAuth's authorize and token addresses, where the API has them.
        instants: how times are written: iso, millis, plain, spaced, jira, epoch or epoch_ms.
        format: of all answers.
    """

    title: str
    connection: str
    auth: list[Proof]
    lists: dict[str, Listed]
    refused: object = None
    failed: object = None
    require: dict[str, str] = {}
    sign_in: dict[str, str] = {}
    limit: Limit | None = None
    instants: str = "iso"
    format: Literal["json", "xml"] = "json"
    answer: object = "$rows"
    paging: Paging = Paging()
    since: Since | None = None
    accepts: list[str] = []
    deletes: dict[str, object] | None = None


@cache
def vendors() -> Mapping[str, Vendor]:
    """Every description, by the prefix of its paths."""
    files = resources.files("syncline.sandbox").joinpath(_FOLDER).iterdir()
    found = {file.name.removesuffix(".yaml"): file for file in files if file.name.endswith(".yaml")}
    return {
        name: msgspec.yaml.decode(found[name].read_bytes(), type=Vendor) for name in sorted(found)
    }
