"""The stand-ins of further APIs: who asks, how often, for which list; the answer in JSON or XML."""

import base64
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import msgspec
from aiohttp import web

from syncline.sandbox import oauth
from syncline.sandbox.limits import Verdict
from syncline.sandbox.vendor_description import Limit, Listed, Proof, Vendor
from syncline.sandbox.vendor_pages import Asked, BadRequestError, answered, filled
from syncline.sandbox.vendor_rows import VendorRow, VendorRows, at
from syncline.sandbox.vendor_search import searched
from syncline.sandbox.vendor_select import selected
from syncline.sandbox.world import World

_PLACE = "{parent}"


async def answer(request: web.Request, world: World) -> web.Response:
    """One request to a further API, from its proof to its body."""
    name, _, path = request.path.lstrip("/").partition("/")
    rows = world.vendors[name]
    vendor = rows.vendor
    path = f"/{path}"
    if path == vendor.sign_in.get("token"):
        return await oauth.token(request)
    if path == vendor.sign_in.get("authorize"):
        return await oauth.authorize(request)
    proof = _proven(request, vendor, world)
    if proof is None:
        return _body(vendor, vendor.refused or {"error": "unauthorized"}, status=401)
    world.counters.tokens[proof] += 1
    verdict = _limit(world, vendor, f"{name} {proof}")
    if verdict is not None and vendor.limit is not None and not verdict.allowed:
        response = _failed(vendor, vendor.limit.status, "Too many requests.")
        response.headers["Retry-After"] = str(verdict.retry_after)
    else:
        response = await _routed(request, rows, path)
    if verdict is not None and vendor.limit is not None:
        _tell(response, vendor.limit, verdict, world)
    return response


def _proven(request: web.Request, vendor: Vendor, world: World) -> str | None:
    """What proves who is asking, or None."""
    missing = (n for n, v in vendor.require.items() if request.headers.get(n, "") != v)
    if next(missing, None) is not None:
        return None
    sent = request.headers.get("Authorization", "")
    if world.tokens.valid(sent.removeprefix("Bearer ")):
        return sent
    return next((str(each) for each in vendor.auth if _holds(request, each)), None)


def _holds(request: web.Request, proof: Proof) -> bool:
    wanted = dict(proof.headers)
    if proof.basic:
        encoded = base64.b64encode(proof.basic.encode()).decode()
        wanted["Authorization"] = f"Basic {encoded}"
    return all(request.headers.get(n) == v for n, v in wanted.items()) and all(
        request.query.get(n) == v for n, v in proof.parameters.items()
    )


def _limit(world: World, vendor: Vendor, key: str) -> Verdict | None:
    if vendor.limit is None or world.options.rate_limit <= 0:
        return None
    return world.windows.take(
        key,
        limit=vendor.limit.requests,
        window=vendor.limit.seconds,
        now=world.clock.elapsed(),
    )


def _tell(response: web.Response, limit: Limit, verdict: Verdict, world: World) -> None:
    if limit.remaining:
        response.headers[limit.remaining] = str(verdict.remaining)
    if limit.reset:
        now = world.clock.now() if limit.reset_as == "epoch" else 0.0
        response.headers[limit.reset] = str(int(now + verdict.reset_in + 0.999))


async def _routed(request: web.Request, rows: VendorRows, path: str) -> web.Response:
    vendor = rows.vendor
    known = False
    other = await _asked_in_words(request, rows, path)
    if other is not None:
        return other
    for name, listed in vendor.lists.items():
        found = re.fullmatch(_pattern(listed.path), path)
        if found is None:
            continue
        known = True
        if listed.method != request.method:
            continue
        try:
            parameters = {**listed.given, **await _parameters(request, listed)}
            parent = _parent(rows, name, found, parameters)
            return _list(request, rows, name, parameters, parent)
        except BadRequestError as wrong:
            return _failed(vendor, 400, str(wrong))
        except LookupError as missing:
            return _failed(vendor, 404, str(missing))
    if known:
        return _failed(vendor, 405, f"{request.method} is not allowed here.")
    return _failed(vendor, 404, f"There is nothing at {path}.")


async def _asked_in_words(request: web.Request, rows: VendorRows, path: str) -> web.Response | None:
    """The answer to a search or a SELECT; None for any other address."""
    searches = {
        f"{each.described.path}/search": each
        for each in rows.lists.values()
        if each.described.searched
    }
    selects = {each.path for each in rows.vendor.lists.values() if each.entity}
    try:
        if request.method == "POST" and path in searches:
            return _body(rows.vendor, searched(searches[path], await request.read()))
        if request.method == "GET" and path in selects:
            return _body(rows.vendor, selected(rows, dict(request.query)))
    except (BadRequestError, LookupError) as wrong:
        return _failed(rows.vendor, 400, str(wrong))
    return None


def _pattern(path: str) -> str:
    return re.escape(path).replace(re.escape(_PLACE), "(?P<parent>[^/]+)")


async def _parameters(request: web.Request, listed: Listed) -> dict[str, str]:
    """What was asked by name, in the address and in the body."""
    # A name that comes again brings one more value, as one with commas does.
    found = {name: ",".join(request.query.getall(name)) for name in request.query}
    if not listed.body:
        return found
    try:
        body: object = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        raise BadRequestError("The body is not JSON.") from None
    for name, path in listed.body.items():
        value = at(body, path)
        if value is not None:
            found[name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return found


def _parent(
    rows: VendorRows, name: str, found: re.Match[str], parameters: Mapping[str, str]
) -> VendorRow | None:
    """The row whose rows are asked for. Raises LookupError if it is not there."""
    own = rows.lists[name]
    above, parameter = own.parent, own.described.parent_parameter
    if above is None:
        return None
    wanted = parameters.get(parameter) if parameter else unquote(found["parent"])
    if wanted is None:
        raise BadRequestError(f"The parameter {parameter} is missing.")
    for row in above.listed():
        if str(at(above.record(row), own.parent_field)) == wanted:
            return row
    raise LookupError(f"There is no {above.name} {wanted}.")


def _list(
    request: web.Request,
    rows: VendorRows,
    name: str,
    parameters: Mapping[str, str],
    parent: VendorRow | None,
) -> web.Response:
    vendor, own = rows.vendor, rows.lists[name]
    listed = own.described
    since = listed.since if listed.since is not None else vendor.since
    asked = Asked(
        rows=own,
        parameters=parameters,
        paging=listed.paging or vendor.paging,
        since=None if since is None or not since.parameter else since,
        accepts=vendor.accepts,
        parent=parent,
        url=f"{request.scheme}://{request.host}{request.path}",
    )
    template = vendor.answer if listed.answer is None else listed.answer
    body, link = answered(asked, template)
    response = _body(vendor, body)
    if asked.paging.link and link is not None:
        response.headers["Link"] = f'<{link}>; rel="next"'
    return response


def _failed(vendor: Vendor, status: int, message: str) -> web.Response:
    template = vendor.failed or {"message": "$message"}
    return _body(vendor, filled(template, {"message": message}), status=status)


def _body(vendor: Vendor, body: object, *, status: int = 200) -> web.Response:
    if vendor.format == "xml" and isinstance(body, Mapping):
        root = next(iter(body))
        element = ET.Element(str(root))
        _written(element, body[root])
        return web.Response(
            body=ET.tostring(element, "utf-8", xml_declaration=True),
            status=status,
            content_type="text/xml",
            charset="utf-8",
        )
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


def _written(element: ET.Element, value: object) -> None:
    """Put a value into an element; of a list, each into an element of that name."""
    match value:
        case Mapping():
            for name, inner in value.items():
                each: Sequence[object] = inner if isinstance(inner, list) else [inner]
                for one in each:
                    if one is not None:
                        _written(ET.SubElement(element, str(name)), one)
        case bool():
            element.text = "true" if value else "false"
        case _:
            element.text = str(value)
