"""Spark's failures as a warehouse tells them."""

from typing import Any

from standins.databricks.engine import SqlError


def told(error: Exception) -> SqlError:
    """Return the failure with the words of the innermost error that has a condition."""
    message = str(error)
    if type(error).__module__.startswith("pyspark") and hasattr(error, "getMessage"):
        message = error.getMessage() or message
    # Failures at run time arrive as those of the gateway to Java.
    cause: Any = getattr(error, "java_exception", None)
    while cause is not None:
        inner = cause.getMessage()
        if inner and inner.startswith("["):
            message = inner
        cause = cause.getCause()
    return SqlError(message.replace("`spark_catalog`.", "`main`."))
