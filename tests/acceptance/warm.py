"""Processes of ``syncline`` that need not import it first: each is a fork of one that has.

They are processes like any other: killed, they are dead, with all that they had not written. Only
the seconds that an interpreter needs to get ready are saved, for hundreds of them.
"""

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn


def serve(address: str) -> NoReturn:
    """Fork a process for every connection, until this one is killed."""
    # What commands import when they run.
    import syncline.cli.checking  # noqa: PLC0415 (before the first fork, but not by the client)
    import syncline.cli.jobs  # noqa: PLC0415
    import syncline.cli.profiles  # noqa: PLC0415
    import syncline.cli.running  # noqa: PLC0415
    import syncline.cli.runs  # noqa: PLC0415
    import syncline.cli.serving  # noqa: PLC0415
    import syncline.cli.showing  # noqa: F401, PLC0415

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _attend(connection)
        connection.close()


def _attend(connection: socket.socket) -> NoReturn:
    """Start the process that was asked for, tell its id, and how it ended."""
    with connection.makefile("r") as lines:
        order = json.loads(lines.readline())
    process = os.fork()
    if process == 0:
        connection.close()
        _become(order)
    connection.sendall(f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(order: Mapping[str, Any]) -> NoReturn:
    folder = Path(order["folder"])
    for number, name, flags in (
        (0, "in", os.O_RDONLY),
        (1, "out", os.O_WRONLY | os.O_CREAT),
        (2, "err", os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(folder / name, flags, 0o600), number)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    if order["file_size"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], order["file_size"]))
    sys.argv = ["syncline", *order["arguments"]]
    from syncline.cli.main import main  # noqa: PLC0415 (as above)

    main()
    raise SystemExit


if __name__ == "__main__":
    serve(sys.argv[1])
