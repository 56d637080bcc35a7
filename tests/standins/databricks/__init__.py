"""A small Databricks SQL warehouse: its Thrift dialect over HTTPS, its Files API and its own SQL.

The unmodified `databricks-sql-connector` works against it. Two engines can stand behind it:

* ``spark``: real Spark 4 SQL and real Delta Lake 4, out of wheels; needs Java 17 and the
  environment of ``make test-databricks``. Conflicts, column mapping, type widening, clustering,
  history and error messages are the real ones.
* ``quick``: DuckDB, statements translated; milliseconds instead of seconds, and no Java. It knows
  the statements that Syncline sends and little else.

Emulated above both: volumes, PUT, GET and REMOVE by presigned addresses, the Files API,
COPY INTO with its memory of files, read_files, BEGIN ATOMIC, three-part names, the counts that a
statement answers with, information_schema, SET as a warehouse allows it, tokens and OAuth M2M,
warehouses that have to be started first.

Different from Databricks:

* One catalog stands behind all names, and it is forgotten when the process ends.
* BEGIN ATOMIC of Spark restores versions when a statement fails; readers see what is in between.
* No row-level concurrency, so conflicts come sooner; every right is granted but those that a test
  takes away; no cloud fetch, no cancelling; identity columns and Photon's rounding are missing.

For tests: ``POST /_control/faults`` orders what `faults` knows, ``GET /_control/log`` tells the
statements, ``POST /_control/warehouse`` stops the warehouse or takes rights away.
`fixture.running_databricks` starts it, or takes a real workspace.
"""
