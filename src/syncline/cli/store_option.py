"""The option that names the store, for every command over it."""

from typing import Annotated

import typer

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="SYNCLINE_STORE",
        help="sqlite:///FILE or postgresql://…; default: a file in your data folder.",
    ),
]
