"""Runs programs that the administrator of a node has allowed, without a shell."""

import asyncio
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress

from syncline.errors import NotFound, PermissionRefused, ResponseRefused

#: Programs that may be run, with commas between: ``dbt,/opt/reports/refresh``.
VARIABLE = "SYNCLINE_COMMANDS"
#: Of what a program says, so much is kept, from its end, in characters.
_KEPT = 1500
#: What is read at once; a program that says much is not to fill the memory.
_PART = 65_536


def allowed_programs(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return the programs that may be run on this machine; none unless they are named."""
    given = environment.get(VARIABLE, "").split(",")
    return frozenset(name.strip() for name in given if name.strip())


async def run_command(
    command: str,
    *,
    folder: str | None,
    more: Mapping[str, str],
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Run a command to its end and return what it has said last.

    ``more``: variables that it gets; those of ours, such as the key of secrets, it does not.
    Raises `PermissionRefused` for a program that is not allowed, `NotFound`, `ResponseRefused` if
    it fails. A caller that is cancelled ends the program.
    """
    program, *arguments = shlex.split(command)
    if program not in allowed_programs(environment):
        raise PermissionRefused(
            f"the program {program} is not allowed on this node",
            hint=f"its administrator names the programs that are in {VARIABLE}",
        )
    kept = {n: v for n, v in environment.items() if not n.upper().startswith("SYNCLINE_")}
    try:
        process = await asyncio.create_subprocess_exec(
            program, *arguments, cwd=folder, env={**kept, **more},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise NotFound(
            f"{program} cannot be started: {said}",
            hint="is it installed on every node, and is the folder there?",
        ) from None
    said = ""
    try:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        while part := await process.stdout.read(_PART):
            # PostgreSQL keeps every character but one.
            said = (said + part.decode("utf-8", "replace").replace("\0", ""))[-_KEPT:]
        code = await process.wait()
    except BaseException:
        # Whatever it has started goes with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()
        raise
    if code:
        raise ResponseRefused(
            f"{program} ended with {code}: {said.strip() or 'it said nothing'}",
            hint="run it by hand on the node to see more",
        )
    return said.strip()
