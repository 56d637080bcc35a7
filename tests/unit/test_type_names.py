"""Names of types as people read them."""

import pyarrow as pa
import pytest

from syncline.model.table import field_of
from syncline.model.type_names import told_type, type_name


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (pa.int64(), "whole number"),
        (pa.int16(), "whole number (16 bit)"),
        (pa.uint64(), "whole number (64 bit, unsigned)"),
        (pa.float64(), "number"),
        (pa.float32(), "number (32 bit)"),
        (pa.decimal128(38, 9), "decimal(38,9)"),
        (pa.decimal256(76, 38), "decimal(76,38)"),
        (pa.string(), "text"),
        (pa.large_string(), "text"),
        (pa.bool_(), "yes or no"),
        (pa.date32(), "date"),
        (pa.time64("us"), "time"),
        (pa.timestamp("us", tz="UTC"), "timestamp with zone"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.binary(), "bytes"),
        (pa.list_(pa.int64()), "list of whole number"),
        (pa.struct([("a", pa.int64())]), "struct<a: int64>"),
    ],
    ids=lambda value: str(value).replace(" ", "_"),
)
def test_a_type_has_the_name_that_people_give_it(type_: pa.DataType, name: str) -> None:
    assert type_name(type_) == name


def test_texts_tell_their_size_and_json_what_it_is() -> None:
    assert told_type(field_of("a", pa.string(), size=80)) == "text(80)"
    assert told_type(field_of("a", pa.string(), json=True)) == "JSON"
    assert told_type(pa.field("a", pa.int64())) == "whole number"
