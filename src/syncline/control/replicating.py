"""What CData's REPLICATE statement says, as settings of a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from syncline.errors import ProjectError
from syncline.model.job import DeclaredColumn, Deletes, Disposition, ReplaceBy, SchemaPolicy
from syncline.model.table import Value
from syncline.query.replicate import parse_replicate

_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
#: Days of the units of ReplicateInterval; the others are no whole number of days.
_DAYS: Mapping[str, int] = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_KNOWN = (
    "DropTable", "TruncateTable", "AlterSchema", "SkipDeleted", "BatchSize", "ReplicateStartDate",
    "ReplicateInterval", "ReplicateIntervalUnit",
)  # fmt: skip
#: Options that mean nothing here, with what does it instead.
_ELSEWHERE: Mapping[str, str] = {
    "autotruncatestrings": "texts are never cut; on_truncation: says what becomes of long ones",
    "commandtimeout": "timeout: of the task, for existing tables",
    "continueonerror": "continue_on_error: of the job",
    "incrementalcheckcolumn": "the profile knows which column tells of changes: syncline tables",
    "incrementalcheckcolumns": "the profile knows which column tells of changes: syncline tables",
    "tablenameprefix": "table_prefix: of the job",
    "usegmtdatetime": "times are UTC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a statement says beside its query; None: nothing."""

    query: str
    into: str | None = None
    columns: tuple[DeclaredColumn, ...] = ()
    key: tuple[str, ...] = ()
    disposition: Disposition | None = None
    replace_by: ReplaceBy | None = None
    schema_policy: SchemaPolicy | None = None
    deletes: Deletes | None = None
    commit_rows: int | None = None
    start: datetime | None = None
    window_days: int | None = None


def read_replicate(place: str, query: str) -> Written:
    """Return what a task's query says; of one that is no REPLICATE, the query alone.

    ``place``: of the task, for errors. Raises `ProjectError` for options that cannot be honoured,
    `QueryError` for statements that are none.
    """
    statement = parse_replicate(query)
    if statement is None:
        return Written(query=query)
    options = _Options(place, statement.options)
    dropped, truncated = options.flag("DropTable"), options.flag("TruncateTable")
    return Written(
        query=statement.query,
        into=statement.target,
        columns=statement.columns,
        key=statement.key,
        disposition=Disposition.REPLACE if dropped or truncated else None,
        # A swap is what dropping the table comes to.
        replace_by=ReplaceBy.TRUNCATE if truncated and not dropped else None,
        schema_policy=SchemaPolicy.FREEZE if options.flag("AlterSchema") is False else None,
        deletes=Deletes.IGNORE if options.flag("SkipDeleted") else None,
        commit_rows=options.number("BatchSize"),
        start=options.moment("ReplicateStartDate"),
        window_days=options.days(),
    )


class _Options:
    """The options of a statement, without regard to case. Raises `ProjectError`."""

    def __init__(self, place: str, options: Mapping[str, Value]) -> None:
        self._place = place
        self._options = {name.lower(): value for name, value in options.items()}
        known = {name.lower() for name in _KNOWN}
        for name in options:
            if name.lower() not in known:
                raise ProjectError(
                    f"{place}.query: the REPLICATE option {name!r} has no equal here",
                    hint=_ELSEWHERE.get(name.lower())
                    or f"known: {', '.join(_KNOWN)}; others are settings of the task: write, key, "
                    "start, deletes",
                )

    def flag(self, name: str) -> bool | None:
        value = self._options.get(name.lower())
        if value is None or isinstance(value, bool):
            return value
        text = str(value).lower()
        if text not in _TRUE | _FALSE:
            raise self._wrong(name, value, "true or false")
        return text in _TRUE

    def number(self, name: str) -> int | None:
        value = self._options.get(name.lower())
        if value is None:
            return None
        text = str(value)
        if isinstance(value, bool) or not text.isdecimal() or int(text) < 1:
            raise self._wrong(name, value, "a whole number")
        return int(text)

    def moment(self, name: str) -> datetime | None:
        value = self._options.get(name.lower())
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise self._wrong(name, value, "a day, such as '2025-01-31'") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def days(self) -> int | None:
        count = self.number("ReplicateInterval")
        unit = str(self._options.get("replicateintervalunit", "days")).lower()
        if count is None:
            if "replicateintervalunit" in self._options:
                raise self._wrong("ReplicateIntervalUnit", unit, "effect with ReplicateInterval")
            return None
        if unit not in _DAYS:
            raise self._wrong("ReplicateIntervalUnit", unit, "days or weeks")
        return count * _DAYS[unit]

    def _wrong(self, name: str, value: Value, wanted: str) -> ProjectError:
        return ProjectError(
            f"{self._place}.query: the REPLICATE option {name} takes {wanted}, not {value!r}",
            hint=f"write WITH {name} = …",
        )
