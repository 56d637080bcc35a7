"""Where every API request enters: it is counted and may meet a scripted fault."""

import asyncio

from aiohttp import web

from syncline.sandbox import clicktime_routes, clio_routes, faults, vendor_routes
from syncline.sandbox.world import WORLD


async def answer(request: web.Request) -> web.StreamResponse:
    """Any request that is neither OAuth nor admin."""
    world = request.app[WORLD]
    clio = request.path.startswith(clio_routes.PREFIX)
    vendor = request.path.lstrip("/").partition("/")[0] in world.vendors
    if not clio and not vendor and not request.path.lower().startswith(clicktime_routes.PREFIX):
        others = ", ".join(f"/{name}" for name in world.vendors)
        text = f"The sandbox has /api/v4, /v2, {others}, /oauth and /admin."
        return web.Response(status=404, text=text)
    path = faults.plain(request.path)
    total, of_path = world.counters.arrived(path)
    fault = world.faults.take(path, total=total, of_path=of_path)
    if fault is not None and fault.fault == "drop":
        return faults.drop(request)
    if fault is not None and fault.fault == "slow":
        await asyncio.sleep(fault.delay)
    if fault is not None and fault.fault == "status":
        response = faults.scripted_status(fault, clio=clio)
    elif clio:
        response = await clio_routes.answer(request, world)
    elif vendor:
        response = await vendor_routes.answer(request, world)
    else:
        response = await clicktime_routes.answer(request, world)
    world.counters.answered(response.status)
    return response if fault is None else await faults.spoil(request, response, fault)


async def date(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer is dated by the virtual clock."""
    response.headers["Date"] = request.app[WORLD].clock.http_date()
