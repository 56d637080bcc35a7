"""AT TIME ZONE, with the names of zones that Windows and T-SQL have."""

from collections.abc import Mapping

from sqlglot import exp

from syncline.errors import QueryError
from syncline.query import engine
from syncline.query.pointing import Refuse

#: Windows' names of zones, by what everybody else calls them.
_WINDOWS: Mapping[str, str] = {
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Alaskan Standard Time": "America/Anchorage",
    "Arizona Standard Time": "America/Phoenix",
    "Atlantic Standard Time": "America/Halifax",
    "Canada Central Standard Time": "America/Regina",
    "Central Europe Standard Time": "Europe/Budapest",
    "Central European Standard Time": "Europe/Warsaw",
    "Central Standard Time": "America/Chicago",
    "China Standard Time": "Asia/Shanghai",
    "E. Australia Standard Time": "Australia/Brisbane",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York",
    "FLE Standard Time": "Europe/Kiev",
    "GMT Standard Time": "Europe/London",
    "GTB Standard Time": "Europe/Bucharest",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "India Standard Time": "Asia/Kolkata",
    "Israel Standard Time": "Asia/Jerusalem",
    "Mountain Standard Time": "America/Denver",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Newfoundland Standard Time": "America/St_Johns",
    "Pacific Standard Time": "America/Los_Angeles",
    "Romance Standard Time": "Europe/Paris",
    "Russian Standard Time": "Europe/Moscow",
    "SA Pacific Standard Time": "America/Bogota",
    "Singapore Standard Time": "Asia/Singapore",
    "South Africa Standard Time": "Africa/Johannesburg",
    "Tokyo Standard Time": "Asia/Tokyo",
    "US Mountain Standard Time": "America/Phoenix",
    "W. Australia Standard Time": "Australia/Perth",
    "W. Europe Standard Time": "Europe/Berlin",
}
_KNOWN = {name.lower(): zone for name, zone in _WINDOWS.items()}


def at_zone(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """``instant AT TIME ZONE 'A' AT TIME ZONE 'B'`` is the time in B, as in T-SQL.

    Raises:
        QueryError: there is no such zone.
    """
    value, zone = node.this, node.args["zone"]
    inner = value.unnest()
    if isinstance(inner, exp.AtTimeZone) and _is_instant(inner.this):
        # An instant remains one in T-SQL; here its time in A has no zone any more.
        value = inner.this
    if isinstance(zone, exp.Literal) and zone.is_string:
        zone = _named(zone, refuse)
    result = exp.AtTimeZone(this=value.copy(), zone=zone.copy())
    result.type = exp.DataType.build("TIMESTAMP" if _is_instant(value) else "TIMESTAMPTZ")
    return result


def _is_instant(node: exp.Expr) -> bool:
    node = node.unnest()
    return isinstance(node, exp.CurrentTimestamp) or node.is_type(exp.DType.TIMESTAMPTZ)


def _named(zone: exp.Expr, refuse: Refuse) -> exp.Expr:
    name = exp.Literal.string(_KNOWN.get(zone.name.lower(), zone.name))
    try:
        engine.constant(f"CAST(TIMESTAMPTZ 'epoch' AT TIME ZONE {name.sql('duckdb')} AS VARCHAR)")
    except QueryError:
        raise refuse(
            f"there is no time zone {zone.name!r}",
            zone,
            hint="write for example 'America/New_York' or 'Eastern Standard Time'",
        ) from None
    return name
