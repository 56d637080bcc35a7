"""A small SQL Server: TDS 7.4 on the wire, a T-SQL interpreter, and DuckDB underneath.

The unmodified Microsoft driver works against it, bulk copy included. It must run in a process of
its own (``python -m standins.tds``), because the driver keeps the interpreter lock while it waits.

Like SQL Server: native error numbers; transactional DDL; statements that are all or nothing;
XACT_ABORT and doomed transactions; writers that wait for each other, LOCK_TIMEOUT and deadlocks;
application locks; collations (case, trailing spaces, 468 on a conflict); identity columns,
defaults, computed columns, checks, foreign keys; logins, users and permissions; limits of names,
columns, keys and parameters; read-only and full databases.

Different from SQL Server:

* A writer locks the table, not rows; READ COMMITTED reads the last committed rows and never waits
  (as with READ_COMMITTED_SNAPSHOT on). A wait of more than a minute ends as a lock timeout.
* Times keep 6 of the 7 digits, datetimeoffset comes back at offset zero; char and binary are not
  padded; varchar is code page 1252; types of computed results are DuckDB's where they differ.
* Text compares by lower case or by bytes; accents always count.
* Triggers, procedures, functions, cursors, table variables, MARS, TDS 8 and Entra ID are missing.
* Row size (8060 bytes) is checked for fixed-size columns only; statistics and plans do not exist.
"""
