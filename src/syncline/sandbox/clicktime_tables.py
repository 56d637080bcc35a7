"""Builds ClickTime's tables: what each list shows, how many rows, what they point at."""

import re
from collections.abc import Iterable, Mapping

from syncline.sandbox import clicktime_values, describe, readers, values
from syncline.sandbox.clock import Clock
from syncline.sandbox.links import toward
from syncline.sandbox.options import Options
from syncline.sandbox.rows import Follow, Generator, Store, Table, zone_of

# Model name without its variant: the table it shows.
FAMILIES: Mapping[str, str] = {
    "AllocationModel": "Allocations",
    "AllocationSummaryModel": "Allocations",
    "AlternativeTimeOffEntryModel": "AlternativeTimeOff",
    "AlternativeTimeOffTypeModel": "AlternativeTimeOffTypes",
    "AuditLogAction": "AuditLog",
    "BasicDivisionModel": "Divisions",
    "BillingRateModel": "BillingRates",
    "BillingRate_TaskJobModel": "TaskJobRates",
    "BillingRate_TaskUserModel": "TaskUserRates",
    "BillingRate_UserClientModel": "UserClientRates",
    "BillingRate_UserJobModel": "UserJobRates",
    "ClientModel": "Clients",
    "CompanyModel": "Companies",
    "CurrencyModel": "Currencies",
    "CustomFieldDefinitionModel": "CustomFieldDefinitions",
    "CustomMessageModel": "CustomMessages",
    "DivisionModel": "Divisions",
    "EmploymentTypeModel": "EmploymentTypes",
    "ExpenseItemModel": "ExpenseItems",
    "ExpenseSheetHistoryModel": "ExpenseSheetHistory",
    "ExpenseSheetModel": "ExpenseSheets",
    "ExpenseTypeModel": "ExpenseTypes",
    "HolidayEntryModel": "HolidayEntries",
    "HolidayModel": "Holidays",
    "HolidayTypeModel": "HolidayTypes",
    "JobBudgetResourceManagementModel": "JobBudgets",
    "JobModel": "Jobs",
    "JobPhaseModel": "JobPhases",
    "JobTaskControlModel": "JobTaskControls",
    "JobTaskTimeSummaryModel": "JobTaskSummaries",
    "JobTimeSummaryModel": "JobSummaries",
    "JobUserTimeSummaryModel": "JobUserSummaries",
    "LabelModel": "Labels",
    "LabelingEventModel": "LabelEvents",
    "NotificationModel": "Notifications",
    "OvertimeModel": "Overtime",
    "OvertimeRuleModel": "OvertimeRules",
    "OvertimeRulePresetModel": "OvertimeRulePresets",
    "PaymentTypeModel": "PaymentTypes",
    "PermissionModel": "Permissions",
    "PermissionNameModel": "Permissions",
    "ReportExpenseModel": "ExpenseItems",
    "ReportTimeModel": "TimeEntries",
    "SummaryModel": "Summaries",
    "TaskModel": "Tasks",
    "TimeEntryModel": "TimeEntries",
    "TimeOffModel": "TimeOff",
    "TimeOffRequestModel": "TimeOffRequests",
    "TimeOffTypeBalanceHistoryModel": "BalanceHistory",
    "TimeOffTypeModel": "TimeOffTypes",
    "TimeSummaryDailyModel": "DailySummaries",
    "TimeSummaryPayrollModel": "PayrollSummaries",
    "TimeSummaryWeeklyModel": "WeeklySummaries",
    "TimerModel": "Timers",
    "TimesheetHistoryModel": "TimesheetHistory",
    "TimesheetModel": "Timesheets",
    "UserExpectedWorkModel": "ExpectedWork",
    "UserModel": "Users",
    "WebHookEventTypeModel": "WebhookEventTypes",
    "WebhookSubscriptionModel": "WebhookSubscriptions",
}
_PER_THOUSAND: Mapping[str, int] = {
    "Allocations": 120, "AlternativeTimeOff": 20, "AuditLog": 250, "BalanceHistory": 40,
    "Clients": 20, "DailySummaries": 100, "ExpenseItems": 100, "ExpenseSheetHistory": 40,
    "ExpenseSheets": 20, "HolidayEntries": 40, "Jobs": 40, "JobSummaries": 40, "TimeEntries": 1000,
    "TimeOff": 50, "TimeOffRequests": 25, "TimesheetHistory": 80, "Timesheets": 50,
    "WeeklySummaries": 50, "PayrollSummaries": 50,
}  # fmt: skip
_FIXED: Mapping[str, int] = {
    "Users": 25, "Tasks": 20, "Companies": 1, "CustomFieldDefinitions": 21, "Holidays": 24,
    "JobPhases": 60, "JobBudgets": 48, "Currencies": 5, "ExpectedWork": 50, "JobTaskControls": 60,
    "TaskJobRates": 40, "TaskUserRates": 40, "UserClientRates": 40, "UserJobRates": 40,
    "JobTaskSummaries": 60, "JobUserSummaries": 60, "BillingRates": 40,
}  # fmt: skip
_SMALLEST = 8
_USUAL = 8
# References of each table: name of the association, or of the id field without ID.
TARGETS: Mapping[str, str] = {
    "Job": "Jobs", "User": "Users", "Client": "Clients", "Task": "Tasks", "Division": "Divisions",
    "EmploymentType": "EmploymentTypes", "ExpenseType": "ExpenseTypes",
    "PaymentType": "PaymentTypes", "ExpenseSheet": "ExpenseSheets", "TimeOffType": "TimeOffTypes",
    "AlternativeTimeOffType": "AlternativeTimeOffTypes", "HolidayType": "HolidayTypes",
    "ProjectManager": "Users", "ExpenseApprover": "Users", "TimeOffApprover": "Users",
    "TimesheetApprover": "Users", "DefaultApprover": "Users", "Approver": "Users",
    "RequestedByUser": "Users", "ApprovalByUser": "Users", "ApprovedByUser": "Users",
    "RejectedByUser": "Users", "SubmittedByUser": "Users", "ActionByUser": "Users",
    "DefaultExpenseType": "ExpenseTypes", "DefaultPaymentType": "PaymentTypes",
    "DefaultTask": "Tasks", "TimeOffRequest": "TimeOffRequests", "TimeEntry": "TimeEntries",
    "Label": "Labels", "OvertimeDefinition": "Overtime", "Timesheet": "Timesheets",
    "FromUser": "Users", "Item": "TimeEntries",
    "UserNotifiedOfExpenseSheetsWaitingForPayment": "Users", "Phase": "Labels",
}  # fmt: skip
# Tables that hold a reference which no model shows.
_HIDDEN: Mapping[str, tuple[str, ...]] = {
    "ExpenseSheetHistory": ("ExpenseSheet",),
    "TimesheetHistory": ("Timesheet",),
    "BillingRates": ("Job", "Client", "User"),
    "JobTaskSummaries": ("Job",),
    "JobUserSummaries": ("Job",),
    "BalanceHistory": ("User", "TimeOffType"),
    "TimeOffTypes": (),
}
_SPARSE: Mapping[str, int] = {
    "TimeOffRequest": 50, "RejectedByUser": 10, "ApprovedByUser": 60, "DefaultTask": 50,
    "DefaultExpenseType": 40, "DefaultPaymentType": 40, "PaymentType": 80,
}  # fmt: skip


def family(model: str) -> str | None:
    """The table of a model, by its name without ``_Root``, ``_Me`` and the like."""
    known = FAMILIES.get(model)
    return known if known is not None else FAMILIES.get(model.rpartition("_")[0])


def snake(name: str) -> str:
    """``BillingRate`` to ``billing_rate``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def build(options: Options, clock: Clock) -> Store:
    """All ClickTime tables. The same options give the same rows."""
    models = describe.clicktime().models
    shown: dict[str, dict[str, describe.Kind]] = {}
    links: dict[str, set[str]] = {}
    for name, model in models.items():
        shows = family(name)
        if shows is None:
            continue
        shown.setdefault(shows, {}).update(model.fields)
        links.setdefault(shows, set()).update(model.nested)
    store = Store(
        Table(
            name,
            number=number,
            size=_size(name, options.rows),
            seed=options.seed,
            clock=clock,
            zone=zone_of(0),
        )
        for number, name in enumerate(sorted(shown), start=1)
    )
    own_links = clicktime_values.references(store)
    for name, table in store.tables.items():
        table.opaque = True
        _connect(store, table, (*shown[name], *sorted(links[name])), own_links.get(name, {}))
    specific = clicktime_values.specific(store)
    for name, table in store.tables.items():
        own = specific.get(name, {})
        for field, kind in shown[name].items():
            table.fields[field] = own.get(field) or _generator(store, table, field, kind)
        table.fields.update(
            {field: made for field, made in own.items() if field not in table.fields}
        )
        table.kind = readers.fixed(name)
    return store


def _size(name: str, rows: int) -> int:
    if name == "TimeEntries":
        return rows
    share = _PER_THOUSAND.get(name)
    return max(_SMALLEST, rows * share // 1000) if share is not None else _FIXED.get(name, _USUAL)


def _connect(store: Store, table: Table, fields: Iterable[str], own: Mapping[str, Follow]) -> None:
    names = [field.removesuffix("ID") for field in fields]
    for name in (*names, *_HIDDEN.get(table.name, ()), *own):
        target = store.tables.get(TARGETS.get(name, ""))
        if target is not None:
            share = _SPARSE.get(name, 100)
            usual = toward(target, f"{table.name}.{name}", percent=share)
            table.single[name] = (target, own.get(name) or usual)


def _generator(store: Store, table: Table, field: str, kind: describe.Kind) -> Generator:
    if field == "ID":
        return values.identity
    if field.endswith("ID") and field.removesuffix("ID") in table.single:
        return readers.reference_id(field.removesuffix("ID"))
    if field.endswith("IDs") and field.removesuffix("IDs") in TARGETS:
        return clicktime_values.several_ids(
            store.tables[TARGETS[field.removesuffix("IDs")]], f"{table.name}.{field}"
        )
    if kind.name == "custom":
        return clicktime_values.custom_fields(store, table)
    plain = snake(field)
    name = kind.name
    if name == "string" and plain.endswith("date"):
        name = "datetime" if plain in ("created_date", "modified_date", "log_date") else "date"
    return values.generator(table.name, "id" if plain == "id" else plain, name, kind.choices)
