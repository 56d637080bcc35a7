"""``python -m syncline.sandbox``: the stand-in APIs as a process of their own."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from syncline.sandbox.clock import DEFAULT_START
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import running


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m syncline.sandbox", description=__doc__)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=8080, help="0 takes any free port")
    made.add_argument(
        "--rows",
        type=int,
        default=1000,
        help="activities and time entries; other tables in proportion",
    )
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--start", default="", help="first instant of the clock, ISO-8601, or now")
    made.add_argument("--frozen", action="store_true", help="the clock stands still")
    made.add_argument(
        "--rate-limit", type=int, default=50, help="Clio requests per token and window; 0 is off"
    )
    made.add_argument("--rate-window", type=float, default=60.0, help="seconds")
    made.add_argument("--clicktime-rate-limit", type=int, default=10)
    made.add_argument("--clicktime-rate-window", type=float, default=5.0)
    made.add_argument("--limit-over", choices=("clamp", "refuse"), default="clamp")
    made.add_argument("--inclusive-since", action="store_true")
    made.add_argument(
        "--expires-in", type=int, default=2_592_000, help="seconds an access token lives"
    )
    made.add_argument("--refresh-rotates", action="store_true")
    made.add_argument("--auto-consent", action="store_true", help="no consent page")
    made.add_argument(
        "--numbers-as-strings", action="store_true", help="ClickTime numbers as texts"
    )
    made.add_argument("--utc-offset", type=int, default=-240, help="minutes, of Clio timestamps")
    made.add_argument("--client-id", default=DEFAULT_CLIENT)
    made.add_argument("--client-secret", default=DEFAULT_SECRET)
    return made


def options_of(arguments: argparse.Namespace) -> Options:
    start: datetime | None = DEFAULT_START
    if arguments.start == "now":
        start = None
    elif arguments.start:
        start = datetime.fromisoformat(arguments.start)
        start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return Options(
        rows=arguments.rows,
        seed=arguments.seed,
        start=start,
        frozen=arguments.frozen,
        rate_limit=arguments.rate_limit,
        rate_window=arguments.rate_window,
        clicktime_rate_limit=arguments.clicktime_rate_limit,
        clicktime_rate_window=arguments.clicktime_rate_window,
        limit_over=arguments.limit_over,
        inclusive_since=arguments.inclusive_since,
        expires_in=arguments.expires_in,
        refresh_rotates=arguments.refresh_rotates,
        auto_consent=arguments.auto_consent,
        numbers_as_strings=arguments.numbers_as_strings,
        utc_offset_minutes=arguments.utc_offset,
        clients={arguments.client_id: arguments.client_secret},
    )


async def serve(options: Options, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(options, host, port) as sandbox:
        sys.stdout.write(f"Sandbox with {options.rows} activities at {sandbox.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = parser().parse_args(arguments)
    asyncio.run(serve(options_of(chosen), chosen.host, chosen.port))


if __name__ == "__main__":
    main()
