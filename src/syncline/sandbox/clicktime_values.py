"""ClickTime fields that depend on each other, and references with a rule of their own."""

from collections.abc import Mapping

from syncline.sandbox import words
from syncline.sandbox.links import by, through
from syncline.sandbox.randomness import below, chance, choose, salt
from syncline.sandbox.readers import reference_id
from syncline.sandbox.rows import Draw, Follow, Generator, Store, Table
from syncline.sandbox.values import day, person, rate

_NAME = salt("clicktime.name")
_DAY_SECONDS = 86400
_ENTITIES = ("Client", "Job", "Task", "User", "TimeEntry", "Division", "TimeOffType")
_CURRENCIES = (
    ("US Dollar", "USD", "$"),
    ("Canadian Dollar", "CAD", "$"),
    ("Pound Sterling", "GBP", "£"),
    ("Euro", "EUR", "€"),
    ("Yen", "JPY", "¥"),
)
_TASKS = (
    "Design",
    "Research",
    "Travel",
    "Meetings",
    "Writing",
    "Testing",
    "Support",
    "Training",
    "Planning",
    "Admin",
)
_PERMISSIONS = (
    "ApproveTime",
    "ViewJobs",
    "ViewClients",
    "ViewPeople",
    "RunReports",
    "EditJobs",
    "ViewCosts",
    "Lock",
)


def through_field(field: str, *names: str) -> Generator:
    """A field at the end of a chain of references."""
    follow = through(*names)

    def generate(draw: Draw) -> object:
        found = follow(draw)
        if found is None:
            return None
        changed = found.table.changes.values.get(found.index)
        return changed[field] if changed and field in changed else found.table.fields[field](found)

    return generate


def several_ids(target: Table, name: str) -> Generator:
    field_salt = salt(name)
    return lambda draw: [
        target.identity(index)
        for index in range(min(target.size, 5))
        if chance(draw.fixed, field_salt + index, 50) and target.alive(index)
    ]


def custom_fields(store: Store, table: Table) -> Generator:
    """An object keyed by the names of this kind of row's definitions; often empty."""
    entity = "TimeEntry" if table.name == "TimeEntries" else table.name.removesuffix("s")
    definitions = store.tables["CustomFieldDefinitions"]
    wanted = [
        index for index in range(definitions.size) if _ENTITIES[index % len(_ENTITIES)] == entity
    ]

    def generate(draw: Draw) -> object:
        return {
            f"Custom{index + 1}": choose(draw.bits, _NAME + index, words.WORDS)
            for index in wanted
            if chance(draw.bits, _NAME ^ index, 70)
        }

    return generate


def _named(*options: str) -> Generator:
    """Names that differ: a word, and a number once the words are used up."""

    def generate(draw: Draw) -> str:
        turn, place = divmod(draw.index, len(options))
        return options[place] if turn == 0 else f"{options[place]} {turn + 1}"

    return generate


def _hours(draw: Draw) -> float:
    return (1 + below(draw.bits, _NAME, 36)) / 4


def _entry_day(draw: Draw) -> str:
    return day(draw.table.created[draw.index], -below(draw.fixed, _NAME, 5))


def month(draw: Draw, position: int) -> str:
    """The month so many months after the one in which history begins: ``YYYY-MM``."""
    year, number = day(draw.table.created[0] + 15 * _DAY_SECONDS).split("-")[:2]
    months = int(year) * 12 + int(number) - 1 + position
    return f"{months // 12:04}-{months % 12 + 1:02}"


def references(store: Store) -> Mapping[str, Mapping[str, Follow]]:
    tables = store.tables
    jobs, users = tables["Jobs"], tables["Users"]

    def job_of(draw: Draw) -> int:
        return draw.index % max(jobs.size, 1)

    def user_of(draw: Draw) -> int:
        return draw.index // max(jobs.size, 1) % max(users.size, 1)

    def user_in_turn(draw: Draw) -> int:
        return draw.index % max(users.size, 1)

    def in_turn(name: str) -> Follow:
        target = tables[name]
        return by(lambda draw: draw.index % max(target.size, 1), target)

    return {
        "Allocations": {"Job": by(job_of, jobs), "User": by(user_of, users)},
        "TimeEntries": {"Client": through("Job", "Client")},
        "ExpenseItems": {
            "User": through("ExpenseSheet", "User"),
            "Client": through("Job", "Client"),
        },
        "Timesheets": {"User": by(user_in_turn, users)},
        "TimeOff": {"User": by(user_in_turn, users)},
        "AlternativeTimeOff": {"User": by(user_in_turn, users)},
        "HolidayEntries": {"User": by(user_in_turn, users)},
        "ExpenseSheets": {"User": by(user_in_turn, users)},
        "TimeOffRequests": {"RequestedByUser": by(user_in_turn, users)},
        "ExpenseSheetHistory": {"ExpenseSheet": in_turn("ExpenseSheets")},
        "TimesheetHistory": {"Timesheet": in_turn("Timesheets")},
        "JobPhases": {"Job": by(job_of, jobs)},
        "JobTaskSummaries": {"Job": by(job_of, jobs)},
        "JobUserSummaries": {"Job": by(job_of, jobs)},
        "BalanceHistory": {"User": by(user_in_turn, users), "TimeOffType": in_turn("TimeOffTypes")},
        "WeeklySummaries": {"User": by(user_in_turn, users)},
        "DailySummaries": {"User": by(user_in_turn, users)},
        "JobSummaries": {"Job": by(job_of, jobs), "Client": through("Job", "Client")},
        "PayrollSummaries": {"User": by(user_in_turn, users)},
        "BillingRates": {
            "User": by(user_in_turn, users),
            "Job": by(job_of, jobs),
            "Client": in_turn("Clients"),
        },
        "ExpectedWork": {"User": by(user_in_turn, users)},
        "TaskJobRates": {
            "Job": by(job_of, jobs),
            "Task": by(lambda draw: draw.index // jobs.size, tables["Tasks"]),
        },
        "UserJobRates": {"Job": by(job_of, jobs), "User": by(user_of, users)},
        "TaskUserRates": {
            "User": by(user_in_turn, users),
            "Task": by(lambda draw: draw.index // users.size, tables["Tasks"]),
        },
        "UserClientRates": {
            "User": by(user_in_turn, users),
            "Client": by(lambda draw: draw.index // users.size, tables["Clients"]),
        },
        "JobTaskControls": {
            "Job": by(job_of, jobs),
            "Task": by(lambda draw: (draw.index // jobs.size + draw.index) % 20, tables["Tasks"]),
        },
    }


def _week(draw: Draw, shift: int) -> str:
    """A day of a timesheet's week, Monday first: one sheet a user and week, newest last."""
    users = max(draw.table.single["User"][0].size, 1)
    weeks = draw.table.size // users
    ends = draw.table.created[draw.table.size - 1] if draw.table.size else 0
    back = (weeks - draw.index // users) * 7
    monday = ends // _DAY_SECONDS - (ends // _DAY_SECONDS + 3) % 7 - back
    return day(monday * _DAY_SECONDS, shift)


def specific(store: Store) -> dict[str, dict[str, Generator]]:
    """Generators by table and field that go before the general ones."""

    def always(value: object) -> Generator:
        return lambda _draw: value

    def full_name(draw: Draw) -> str:
        return person(draw.fixed, _NAME)

    def job_name(draw: Draw) -> str:
        return f"{choose(draw.fixed, _NAME, words.SUBJECTS)} {draw.index + 1}"

    def company(draw: Draw) -> str:
        return f"{choose(draw.fixed, _NAME, words.COMPANIES)} {draw.index + 1}"

    def currency(place: int) -> Generator:
        return lambda draw: _CURRENCIES[draw.index % len(_CURRENCIES)][place]

    def text(draw: Draw) -> object:
        return "" if chance(draw.bits, _NAME, 15) else words.text(draw.bits, _NAME)

    def moment(draw: Draw) -> str:
        return draw.table.stamp(draw.table.created[draw.index]).replace("+00:00", "Z")

    pairs = max(store.tables["Jobs"].size * store.tables["Users"].size, 1)

    def allocation_month(draw: Draw) -> str:
        return month(draw, draw.index // pairs)

    unit_names = {
        "Divisions": ("West", "East", "Zürich", "Remote"),
        "EmploymentTypes": ("Full-Time", "Part-Time", "Contractor"),
        "ExpenseTypes": ("Airfare", "Hotel", "Meals", "Mileage"),
        "PaymentTypes": ("Corporate Card", "Cash", "Personal Card"),
        "TimeOffTypes": ("Vacation", "Sick", "Jury Duty"),
        "AlternativeTimeOffTypes": ("Comp Time", "Bereavement"),
        "HolidayTypes": ("US Holidays", "Jours fériés"),
        "Labels": ("Priority", "R&D", "Overhead"),
        "CustomMessages": ("Welcome", "Reminder"),
        "WebhookEventTypes": (
            "Job.Created",
            "Job.Updated",
            "TimeEntry.Created",
            "TimeEntry.Deleted",
        ),
        "Permissions": _PERMISSIONS,
    }
    made: dict[str, dict[str, Generator]] = {
        name: {"Name": _named(*names)} for name, names in unit_names.items()
    }
    made |= {
        "Users": {
            "Name": full_name,
            "Email": lambda draw: f"person{draw.index + 1}@example.com",
            "EmployeeNumber": lambda draw: f"E{draw.index + 1:04d}",
            "SecurityLevel": lambda draw: "ADMIN" if draw.index == 0 else "STANDARD",
            "IsActive": lambda draw: draw.index == 0 or chance(draw.bits, _NAME, 88),
            "StartDate": lambda draw: day(draw.table.created[draw.index]),
            "EndDate": always(None),
        },
        "Clients": {
            "Name": company,
            "ShortName": lambda draw: company(draw)[:8],
            "ListDisplayText": company,
            "CreatedDate": moment,
            "ClientNumber": lambda draw: f"C{draw.index + 1:05d}",
        },
        "Jobs": {
            "Name": job_name,
            "JobNumber": lambda draw: f"J{draw.index + 1:05d}",
            "ListDisplayName": job_name,
            "ListDisplayText": lambda draw: (
                f"{through_field('ShortName', 'Client')(draw) or ''} - {job_name(draw)}"
            ),
            "StartDate": lambda draw: day(draw.table.created[draw.index]),
        },
        "Tasks": {
            "Name": _named(*_TASKS),
            "ListDisplayText": _named(*_TASKS),
            "TaskCode": lambda d: f"T{d.index:03d}",
        },
        "TimeEntries": {
            "Date": _entry_day,
            "Hours": _hours,
            "Comment": text,
            "BillingRate": lambda draw: rate(draw.fixed, _NAME),
            "CostRate": lambda draw: rate(draw.fixed, _NAME) / 2,
            "IsBillable": through_field("IsBillable", "Job"),
        },
        "ExpenseItems": {
            "ExpenseDate": _entry_day,
            "Comment": text,
            "ClientID": reference_id("Client"),
            "ClientName": through_field("Name", "Client"),
            "JobName": through_field("Name", "Job"),
            "JobNumber": through_field("JobNumber", "Job"),
            "FullName": through_field("Name", "User"),
            "Email": through_field("Email", "User"),
            "ExpenseType": through_field("Name", "ExpenseType"),
            "PaymentType": through_field("Name", "PaymentType"),
            "DivisionID": lambda draw: reference_of(draw, "User", "Division"),
        },
        "ExpenseSheets": {
            "ExpenseSheetDate": _entry_day,
            "Title": lambda draw: f"Expenses {draw.index + 1}",
        },
        "Allocations": {"Month": allocation_month, "EstHours": _hours},
        "JobBudgets": {"Month": lambda draw: month(draw, draw.index)},
        "Timesheets": {
            "StartDate": lambda draw: _week(draw, 0),
            "EndDate": lambda draw: _week(draw, 6),
        },
        "PayrollSummaries": {
            "StartDate": lambda draw: _week(draw, 0),
            "EndDate": lambda draw: _week(draw, 6),
            "Name": through_field("Name", "User"),
        },
        "WeeklySummaries": {
            "StartDate": lambda draw: _week(draw, 0),
            "EndDate": lambda draw: _week(draw, 6),
        },
        "TimeOff": {"Hours": _hours, "Date": _entry_day},
        "TimeOffRequests": {"CreatedDate": moment},
        "AlternativeTimeOff": {"Hours": _hours, "Date": _entry_day},
        "HolidayEntries": {"Hours": always(8.0), "Date": _entry_day},
        "Holidays": {"Hours": always(8.0), "Date": _entry_day},
        "DailySummaries": {"Hours": _hours, "Date": _entry_day},
        "Timers": {"TimeEntryDate": through_field("Date", "TimeEntry")},
        "Currencies": {
            "Currency": currency(0),
            "CurrencyISO": currency(1),
            "CurrencySymbol": currency(2),
        },
        "CustomFieldDefinitions": {
            "EntityType": lambda draw: _ENTITIES[draw.index % len(_ENTITIES)],
            "Name": lambda draw: f"Custom{draw.index + 1}",
            "DisplayName": lambda draw: f"Custom field {draw.index + 1}",
            "DataType": lambda draw: choose(
                draw.fixed, _NAME, ("Text", "Number", "Date", "Pulldown")
            ),
        },
        "AuditLog": {
            "LogID": lambda draw: draw.index + 1,
            "LogDate": moment,
            "TransactionID": lambda draw: draw.index // 3 + 1,
            "Action": lambda draw: choose(draw.bits, _NAME, ("Add", "Edit", "Delete")),
            "Item": always("TimeEntry"),
            "UserName": through_field("Name", "User"),
        },
        "JobSummaries": {
            "JobName": through_field("Name", "Job"),
            "ClientName": through_field("Name", "Client"),
            "JobNumber": through_field("JobNumber", "Job"),
        },
        "JobTaskSummaries": {"TaskName": through_field("Name", "Task")},
        "JobUserSummaries": {"FullName": through_field("Name", "User")},
        "OvertimeRulePresets": {"RulePreset": lambda draw: f"Preset{draw.index + 1}"},
        "Summaries": {"Key": lambda draw: {"Month": month(draw, draw.index % 12)}},
    }
    return made


def reference_of(draw: Draw, *names: str) -> object:
    """The id at the end of a chain of references."""
    found = through(*names)(draw)
    return None if found is None else found.table.identity(found.index)
