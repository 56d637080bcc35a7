"""The options that say who is told which datasets runs read and write."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from syncline.control.engine.lineage import LineageSettings

LineageOption = Annotated[
    str,
    typer.Option(
        "--openlineage-url",
        envvar=["SYNCLINE_OPENLINEAGE_URL", "OPENLINEAGE_URL"],
        help="Server that is sent OpenLineage events of every task, such as Marquez; its key, if "
        "it wants one, in OPENLINEAGE_API_KEY.",
    ),
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        "--openlineage-namespace",
        envvar=["SYNCLINE_OPENLINEAGE_NAMESPACE", "OPENLINEAGE_NAMESPACE"],
        help="Namespace of the jobs in these events.",
    ),
]


def lineage_settings(url: str, namespace: str) -> "LineageSettings | None":
    """Return who is told; None: nobody."""
    from syncline.control.engine.lineage import LineageSettings  # noqa: PLC0415 (start-up time)

    if not url:
        return None
    key = os.environ.get("OPENLINEAGE_API_KEY", "")
    return LineageSettings(url=url, key=key, namespace=namespace)
