"""Runs the stand-in as a process: ``python -m standins.databricks --root FOLDER``.

With ``--revive``, a process that has died is followed at once by a new one at the same port:
everything is imported already. Not with Spark.
"""

import argparse
import importlib
import json
import os
import signal
import sys
from pathlib import Path

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
    tls, certificate = tls_context(chosen.root)
    site: list[Site] = []

    def answer(request: Request) -> Response | None:
        return site[0].answer(request)

    server = serve(answer, chosen.port, tls)
    if chosen.revive:
        _be_revived()
    base = f"https://localhost:{server.server_address[1]}"
    volumes = Volumes(chosen.root)
    catalogs = {"main"}
    started: Engine = engine.start(
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
            service=Service(started, warehouse, trace=chosen.trace),
            volumes=volumes,
            access=Access(
                {chosen.token}, (chosen.client_id, chosen.client_secret), chosen.token_seconds
            ),
            rest=Rest(volumes, base, warehouse.rights),
            faults=Faults(chosen.root / "faults.json"),
        )
    )
    port = server.server_address[1]
    ready = {"ready": True, "port": port, "certificate": str(certificate)}
    told = chosen.root / "told"
    if not (chosen.revive and told.exists()):
        told.touch()
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_on(server))
    server.serve_forever()
    started.stop()


def _be_revived() -> None:
    """Return in a process of its own, and in the next one when that has died.

    All of them listen at the same place, so who comes in between waits.
    """
    child, over = 0, False

    def end(*_: object) -> None:
        nonlocal over
        over = True
        os.kill(child, signal.SIGTERM)

    while not over:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            return
        signal.signal(signal.SIGTERM, end)
        os.waitpid(child, 0)
    sys.exit()


if __name__ == "__main__":
    main()
