"""DuckDB's words for functions of T-SQL and CData that it does not have, or has otherwise."""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp

#: Places of arguments in a wording.
_PLACES = "abcdefgh"
#: Days from MySQL's and CData's day 0 to 1 January 1970.
_DAYS = 719528
_DAY = "CAST(:a AS DATE)"
_SINCE = "DATE '1970-01-01'"
_CLOCK = "MAKE_TIMESTAMP(:a, :b, :c, :d, :e, "

#: By name and number of arguments. CData counts places in INDEXOF from 0, T-SQL elsewhere from 1.
WORDINGS: Mapping[tuple[str, int], str] = {
    ("CHAR", 1): "CHR(:a)",
    ("CURDATE", 0): "CURRENT_DATE",
    ("DATETIME2FROMPARTS", 8): f"{_CLOCK} :f + :g / POWER(10, :h))",
    ("DATETIMEFROMPARTS", 7): f"{_CLOCK} :f + :g / 1000)",
    ("FDMONTH", 1): f"CAST(DATE_TRUNC('month', {_DAY}) AS DATE)",
    ("FDQUARTER", 1): f"CAST(DATE_TRUNC('quarter', {_DAY}) AS DATE)",
    ("FDWEEK", 1): f"{_DAY} - CAST(DAYOFWEEK({_DAY}) AS INTEGER)",
    ("FROM_DAYS", 1): f"{_SINCE} + CAST(:a - {_DAYS} AS INTEGER)",
    ("FROM_UNIXTIME", 1): "TO_TIMESTAMP(:a)",
    ("FROM_UNIXTIME", 2): "TO_TIMESTAMP(:a / CASE WHEN :b = 1 THEN 1 ELSE 1000 END)",
    ("GETUTCDATE", 0): "CURRENT_TIMESTAMP",
    ("IIF", 3): "CASE WHEN :a THEN :b ELSE :c END",
    ("INDEXOF", 2): "STRPOS(:a, :b) - 1",
    ("INDEXOF", 3): (
        "CASE STRPOS(SUBSTRING(:a, :c + 1), :b) WHEN 0 THEN -1 "
        "ELSE STRPOS(SUBSTRING(:a, :c + 1), :b) + :c - 1 END"
    ),
    ("ISJSON", 1): "CASE WHEN JSON_VALID(:a) THEN 1 ELSE 0 END",
    ("ISNUMERIC", 1): "CASE WHEN TRY_CAST(:a AS DOUBLE) IS NULL THEN 0 ELSE 1 END",
    ("LAST_MONTH", 0): "CURRENT_TIMESTAMP - INTERVAL 1 MONTH",
    ("LAST_WEEK", 0): "CURRENT_TIMESTAMP - INTERVAL 7 DAY",
    ("LAST_YEAR", 0): "CURRENT_TIMESTAMP - INTERVAL 1 YEAR",
    ("LDMONTH", 1): f"LAST_DAY({_DAY})",
    ("LDQUARTER", 1): f"CAST(DATE_TRUNC('quarter', {_DAY}) + INTERVAL 3 MONTH AS DATE) - 1",
    ("LDWEEK", 1): f"{_DAY} - CAST(DAYOFWEEK({_DAY}) AS INTEGER) + 6",
    ("LEN", 1): "LENGTH(RTRIM(CAST(:a AS TEXT), ' '))",
    ("MAKEDATE", 2): "MAKE_DATE(:a, 1, 1) + CAST(:b - 1 AS INTEGER)",
    ("MASK", 2): "REPEAT(:b, LENGTH(:a))",
    ("MASK", 3): "LEFT(:a, :c) || REPEAT(:b, GREATEST(LENGTH(:a) - :c, 0))",
    ("MASK", 4): (
        "CASE WHEN LENGTH(:a) <= :c + :d THEN :a "
        "ELSE LEFT(:a, :c) || REPEAT(:b, LENGTH(:a) - :c - :d) || RIGHT(:a, :d) END"
    ),
    ("NCHAR", 1): "CHR(:a)",
    ("NEGATE", 1): "- (:a)",
    ("OCTET_LENGTH", 1): "STRLEN(CAST(:a AS TEXT))",
    ("REPLICATE", 2): "CASE WHEN :b >= 0 THEN REPEAT(:a, :b) END",
    ("SMALLDATETIMEFROMPARTS", 5): f"{_CLOCK} 0)",
    ("SPACE", 1): "CASE WHEN :a >= 0 THEN REPEAT(' ', :a) END",
    ("SPLIT", 2): "STRING_SPLIT(:a, :b)",
    ("SPLIT", 3): "SPLIT_PART(:a, :b, :c)",
    ("STDEVP", 1): "STDDEV_POP(:a)",
    ("STUFF", 4): (
        "CASE WHEN :b BETWEEN 1 AND LENGTH(:a) AND :c >= 0 "
        "THEN LEFT(:a, :b - 1) || :d || SUBSTRING(:a, :b + :c) END"
    ),
    ("SYSUTCDATETIME", 0): "CURRENT_TIMESTAMP",
    ("TIMEFROMPARTS", 5): "MAKE_TIME(:a, :b, :c + :d / POWER(10, :e))",
    ("TO_DAYS", 1): f"DATE_DIFF('day', {_SINCE}, {_DAY}) + {_DAYS}",
    ("TOSTRING", 1): "COALESCE(CAST(:a AS TEXT), '')",
    ("VAR", 1): "VAR_SAMP(:a)",
    ("VARP", 1): "VAR_POP(:a)",
}
#: What functions of `WORDINGS` return, where it matters to what stands around them.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("CHAR", "MASK", "NCHAR", "REPLICATE", "SPACE", "SPLIT", "STUFF", "TOSTRING"), "VARCHAR"
    ),
    **dict.fromkeys(
        (
            "FDMONTH", "FDQUARTER", "FDWEEK", "FROM_DAYS", "LDMONTH", "LDQUARTER", "LDWEEK",
            "MAKEDATE",
        ),
        "DATE",
    ),
    **dict.fromkeys(
        ("INDEXOF", "ISJSON", "ISNUMERIC", "LEN", "OCTET_LENGTH", "TO_DAYS"), "BIGINT"
    ),
}  # fmt: skip
#: What others have and we do not, with what comes near.
REFUSED: Mapping[str, str] = {
    "BINARY_CHECKSUM": "HASHBYTES('SHA2_256', text) tells texts apart",
    "CHECKSUM": "HASHBYTES('SHA2_256', text) tells texts apart",
    "CURTIME": "CAST(GETDATE() AS TIME) is the time of the day, in UTC",
    "DATALENGTH": "LEN counts characters, OCTET_LENGTH bytes of UTF-8",
    "DATE_FORMAT": "FORMAT(value, 'yyyy-MM-dd') writes a date",
    "DATETIMEOFFSETFROMPARTS": "DATETIME2FROMPARTS makes a date and time",
    "DIFFERENCE": "LEVENSHTEIN(text, text) counts the letters that differ",
    "EXPR": "write the expression itself",
    "FILEMODIFIEDTIME": "queries read no files",
    "FILESIZE": "queries read no files",
    "JSON_AVG": "JSON_EXTRACT(json, '$.path[0]') takes one value out",
    "JSON_COUNT": "JSON_ARRAY_LENGTH(json, '$.path') counts the elements of a list",
    "JSON_MAX": "JSON_EXTRACT(json, '$.path[0]') takes one value out",
    "JSON_MIN": "JSON_EXTRACT(json, '$.path[0]') takes one value out",
    "JSON_SUM": "JSON_EXTRACT(json, '$.path[0]') takes one value out",
    "MID": "SUBSTRING(text, start, length) takes a part of a text",
    "PARSE": "CAST(text AS type), or CONVERT(date, text, style)",
    "SOUNDEX": "LEVENSHTEIN(text, text) counts the letters that differ",
    "STR_TO_DATE": "STRTODATE(text, 'yyyy-MM-dd') reads a date",
    "STRCMP": "compare with =, < and >",
    "STRING_COMPARE": "compare with =, < and >",
    "SWITCHOFFSET": "value AT TIME ZONE 'Europe/Berlin' is the time there",
    "TO_CHAR": "FORMAT(value, 'yyyy-MM-dd') writes a date or a number",
    "TO_DATE": "STRTODATE(text, 'yyyy-MM-dd') reads a date",
    "TODATETIMEOFFSET": "value AT TIME ZONE 'Europe/Berlin' takes a time as one there",
    "TRY_PARSE": "TRY_CAST(text AS type), or TRY_CONVERT(date, text, style)",
    "XML_EXTRACT": "the profile can make columns of what is in XML",
}


def worded(text: str, *arguments: exp.Expr, type_: str = "") -> exp.Expr:
    """Return DuckDB's SQL ``text`` with arguments in the place of :a, :b and so on."""
    template = sqlglot.parse_one(text, dialect="duckdb")
    result = exp.replace_placeholders(
        template,
        **{
            place: exp.paren(argument.copy(), copy=False)
            if isinstance(argument, exp.Binary | exp.Connector | exp.Neg)
            else argument.copy()
            for place, argument in zip(_PLACES, arguments, strict=False)
        },
    )
    # Of two operators side by side the outer one must not get in between.
    result = exp.paren(result, copy=False) if isinstance(result, exp.Binary | exp.Neg) else result
    if type_:
        result.type = exp.DataType.build(type_, dialect="duckdb")
    return result
