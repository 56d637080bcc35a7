"""Where the store keeps what a vault has sealed."""

from typing import Final

from sqlalchemy import Table

from syncline.control.store.connections import connections
from syncline.control.store.hooks import hooks
from syncline.control.store.notifications import channels
from syncline.control.store.sessions import answers
from syncline.control.store.settings import settings
from syncline.control.store.sign_ins import sign_ins

#: Tables with the column of a sealed text; some rows have none there, or one that is not sealed.
#: The sealed properties of a connection are in ``connections.sealed``, by name.
SEALED_TEXTS: Final[tuple[tuple[Table, str], ...]] = (
    (connections, "tokens"),
    (channels, "url"),
    (hooks, "secret"),
    (sign_ins, "verifier"),
    (answers, "body"),
    (settings, "value"),
)
