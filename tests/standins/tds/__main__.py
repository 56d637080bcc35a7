"""Runs the stand-in as a process: ``python -m standins.tds --port N``."""

import argparse
import sys
import warnings
from pathlib import Path

from standins.tds.engine import Engine
from standins.tds.server import Server


def _trace(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A small SQL Server over DuckDB, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--encryption", choices=["on", "off", "required"], default="on")
    parser.add_argument("--folder", type=Path, help="keep the databases in files here")
    parser.add_argument("--user", default="sa")
    parser.add_argument("--password", default="Str0ng_Passw0rd")
    parser.add_argument("--trace", action="store_true", help="write statements to standard error")
    chosen = parser.parse_args()
    # Results are small, and read once.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    engine = Engine(
        logins={chosen.user: chosen.password},
        folder=chosen.folder,
        trace=_trace if chosen.trace else None,
    )
    server = Server(engine, port=chosen.port, encryption=chosen.encryption)
    sys.stdout.write(f"listening on 127.0.0.1,{server.port}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
