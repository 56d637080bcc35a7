"""When a read of a table misses a row: in pages that others shift, of it or of its parents."""

from syncline.model.table import Misses
from syncline.profile.columns import table_columns
from syncline.profile.schema import ApiTable, ParentFanOut, Profile

_WORSE = (Misses.NEVER, Misses.EXCHANGED, Misses.GONE)


def misses(profile: Profile, table: ApiTable) -> Misses:
    """Return when a read of a table misses a row that is there all the time."""
    found = [_of_pages(profile, table)]
    seen: set[str] = set()
    # Rows below a parent that is missed are missed, too.
    while isinstance(table.fan_out, ParentFanOut) and table.fan_out.parent not in seen:
        seen.add(table.fan_out.parent)
        above = profile.tables.get(table.fan_out.parent)
        if above is None:
            break
        table = above
        found.append(_of_pages(profile, table))
    return max(found, key=_WORSE.index)


def _of_pages(profile: Profile, table: ApiTable) -> Misses:
    paginator = table.pagination or profile.defaults.pagination
    size = (table.page or profile.defaults.page).size
    recorded = {c.name for c in table_columns(profile, table) if c.origin == "record"}
    # A page of one row has none that the next one could repeat.
    keyed = not recorded.isdisjoint(table.primary_key) and size != 1
    return paginator.misses(keyed=keyed)
