"""A small law firm's API, as tables with every kind of filter and mark a source may declare."""

from collections.abc import Mapping

import pyarrow as pa

from syncline.model.table import Deleted, Filter, Operator, Table, field_of

MOMENT = pa.timestamp("us", tz="UTC")


def answers(*operators: str, exact: bool = True, required: bool = False) -> Filter:
    return Filter(
        operators=frozenset(Operator(o) for o in operators), exact=exact, required=required
    )


ACTIVITIES = Table(
    name="Activities",
    description="Time and expenses.",
    schema=pa.schema(
        [
            field_of("Id", pa.int64(), nullable=False, description="Unique."),
            field_of("MatterId", pa.int64()),
            field_of("UserId", pa.int64()),
            field_of("Type", pa.string(), nullable=False, size=20),
            field_of("Note", pa.string(), description="What was done."),
            field_of("Date", pa.date32()),
            field_of("Hours", pa.float64()),
            field_of("Total", pa.decimal128(12, 2)),
            field_of("Billed", pa.bool_()),
            field_of("CreatedAt", MOMENT),
            field_of("UpdatedAt", MOMENT, nullable=False),
            field_of("Extra", pa.string(), json=True),
            field_of("Tag", pa.string(), description="Only to filter by."),
        ]
    ),
    primary_key=("Id",),
    cursor_column="UpdatedAt",
    filters={
        "Id": answers("="),
        "MatterId": answers("=", "in"),
        "Type": answers("=", "<>"),
        "Date": answers(">=", "<="),
        "Total": answers(">", ">=", exact=False),
        "Billed": answers("="),
        "CreatedAt": answers(">="),
        "Tag": answers("=", "in"),
    },
    filter_only=frozenset({"Tag"}),
)
MATTERS = Table(
    name="Matters",
    description="Cases of clients.",
    schema=pa.schema(
        [
            field_of("Id", pa.int64(), nullable=False),
            field_of("Number", pa.string(), size=50),
            field_of("Description", pa.string(), nullable=False, description="Its title."),
            field_of("Status", pa.string()),
            field_of("OpenDate", pa.date32()),
            field_of("UpdatedAt", MOMENT, nullable=False),
            field_of("DeletedAt", MOMENT),
        ]
    ),
    primary_key=("Id",),
    cursor_column="UpdatedAt",
    filters={"Status": answers("=", "in")},
    deleted=Deleted(column="DeletedAt"),
)
USERS = Table(
    name="Users",
    schema=pa.schema(
        [
            field_of("Id", pa.int64(), nullable=False),
            field_of("Name", pa.string()),
            field_of("IsActive", pa.bool_()),
            field_of("Starts", pa.time64("us")),
        ]
    ),
    primary_key=("Id",),
    filters={"IsActive": answers("=")},
)
ALLOCATIONS = Table(
    name="Allocations",
    schema=pa.schema(
        [
            field_of("Job", pa.string()),
            field_of("EstHours", pa.float64()),
            field_of("StartDate", pa.date32()),
            field_of("UserIsActive", pa.bool_()),
        ]
    ),
    filters={"StartDate": answers(">=", "<=", required=True), "UserIsActive": answers("=")},
    filter_only=frozenset({"UserIsActive"}),
)
LINES = Table(
    name="Order Lines",
    schema=pa.schema(
        [
            field_of("Order", pa.int64(), nullable=False),
            field_of("Line No", pa.int32(), nullable=False),
            field_of("Select", pa.string()),
        ]
    ),
    primary_key=("Order", "Line No"),
    cursor_column="Order",
)
TABLES: Mapping[str, Table] = {
    table.name: table for table in (ACTIVITIES, MATTERS, USERS, ALLOCATIONS, LINES)
}
