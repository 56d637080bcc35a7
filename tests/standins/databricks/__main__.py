"""Runs the stand-in as a process: ``python -m standins.databricks --root FOLDER``.

With ``--revive``, a process that has died is followed by a new one at the same port, at once:
everything is imported already. Not with Spark.
"""

import argparse
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType

from standins.databricks.access import Access
from standins.databricks.certificate import tls_context
from standins.databricks.commands import Warehouse
from standins.databricks.engine import Engine
from standins.databricks.faults import Faults
from standins.databricks.rest import Rest
from standins.databricks.service import Service
from standins.databricks.volumes import Volumes
from standins.databricks.web import Request, Response, Site, serve, stop_on


def main() -> None:
    """Serve until the process is ended; print one line of JSON when it listens."""
    parser = argparse.ArgumentParser(description="A small Databricks SQL warehouse, for tests.")
    parser.add_argument("--root", type=Path, required=True, help="folder of tables and volumes")
    parser.add_argument("--engine", choices=["spark", "quick"], default="spark")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--memory", default="2g", help="of Spark")
    parser.add_argument("--few-rows", action="store_true", help="be quick with few rows, of Spark")
    parser.add_argument("--token", default="dapi-test")
    parser.add_argument("--client-id", default="test-client")
    parser.add_argument("--client-secret", default="test-secret")
    parser.add_argument("--token-seconds", type=float, default=3600)
    parser.add_argument("--no-transactions", action="store_true", help="refuse BEGIN ATOMIC")
    parser.add_argument("--trace", action="store_true", help="write failures to standard error")
    parser.add_argument("--revive", action="store_true", help="start anew after a death")
    chosen = parser.parse_args()
    chosen.root.mkdir(parents=True, exist_ok=True)
    engine = importlib.import_module(f"standins.databricks.{chosen.engine}")
    if chosen.revive:
        _revive(chosen, engine)
    else:
        _serve(chosen, engine)


def _revive(chosen: argparse.Namespace, engine: ModuleType) -> None:
    """Serve in a process of its own, and in the next one when that has died."""
    if not chosen.port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            chosen.port = free.getsockname()[1]
    children: list[int] = []
    over = False

    def end(*_: object) -> None:
        nonlocal over
        over = True
        os.kill(children[-1], signal.SIGTERM)

    while not over:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _serve(chosen, engine, announced=bool(children))
            os._exit(0)
        children.append(child)
        signal.signal(signal.SIGTERM, end)
        os.waitpid(child, 0)


def _serve(chosen: argparse.Namespace, module: ModuleType, *, announced: bool = False) -> None:
    tls, certificate = tls_context(chosen.root)
    site: list[Site] = []

    def answer(request: Request) -> Response | None:
        return site[0].answer(request)

    server = serve(answer, chosen.port, tls)
    port = server.server_address[1]
    base = f"https://localhost:{port}"
    volumes = Volumes(chosen.root)
    catalogs = {"main"}
    engine: Engine = module.start(
        chosen.root,
        volumes=volumes,
        catalogs=catalogs,
        memory=chosen.memory,
        few_rows=chosen.few_rows,
    )
    warehouse = Warehouse(volumes, base, catalogs)
    warehouse.transactions = not chosen.no_transactions
    site.append(
        Site(
            service=Service(engine, warehouse, trace=chosen.trace),
            volumes=volumes,
            access=Access(
                {chosen.token}, (chosen.client_id, chosen.client_secret), chosen.token_seconds
            ),
            rest=Rest(volumes, base, warehouse.rights),
            faults=Faults(),
        )
    )
    ready = {"ready": True, "port": port, "certificate": str(certificate)}
    if not announced:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_on(server))
    server.serve_forever()
    engine.stop()


if __name__ == "__main__":
    main()
