"""The table as it is where only what has changed is asked for, and by another request."""

from syncline.profile.schema import ApiTable


def table_of_changes(table: ApiTable) -> ApiTable:
    """Return the table whose list is that of its changes; the table itself if it has no other."""
    incremental = table.incremental
    if incremental is None or incremental.changes is None:
        return table
    asked = incremental.changes
    own = {name: getattr(asked, name) for name in _OWN}
    return table.model_copy(
        update={name: value for name, value in own.items() if value is not None}
        | {
            "path": asked.path,
            "posting": asked.posting,
            "incremental": incremental.model_copy(update={"changes": None}),
        }
    )


_OWN = ("records", "parameters", "pagination", "page")
