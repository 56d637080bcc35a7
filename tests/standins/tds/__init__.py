"""A small SQL Server: TDS 7.4 on the wire, a T-SQL interpreter, and DuckDB underneath.

The unmodified Microsoft driver works against it, bulk copy included. It must run in a process of
its own (``python -m standins.tds``), because the driver keeps the interpreter lock while it waits.

Like SQL Server: native error numbers; transactional DDL; statements that are all or nothing;
XACT_ABORT and doomed transactions; writers that wait for each other, LOCK_TIMEOUT and deadlocks;
application locks; collations (case, trailing spaces, 468 on a conflict); identity columns,
defaults, computed columns, checks, foreign keys; logins, users and permissions; limits of names,
columns, keys and parameters; read-only databases; varchar that loses what its code page lacks.

Different from SQL Server:

* A writer locks the table, not rows; READ COMMITTED reads the last committed rows and never waits
  (as with READ_COMMITTED_SNAPSHOT on). A wait of more than a minute ends as a lock timeout.
* A transaction writes to one database; #temporary tables aside.
* Times keep 6 of the 7 digits, datetimeoffset comes back at offset zero; char and binary are not
  padded; every varchar is code page 1252; types of computed results are DuckDB's in places.
* Text compares by lower case or by bytes; accents always count.
* The 8060 bytes of a row are checked for fixed-size columns only (1701, never 511).
* Updates and deletes go through views of one table with its own column names; OUTPUT has no INTO,
  and no deleted.* in UPDATE.
* Triggers, procedures, functions, cursors, table variables, MARS, TDS 8 and Entra ID are missing.

For tests: ``EXEC sp_fault pattern, action, nth, argument, place`` breaks connections, raises
errors or waits (see `faults`), ``EXEC sp_fault_clear`` ends that, ``EXEC sp_full 'log'|'data'|''``
makes the current database full, ``--folder`` keeps databases in files so that the process can be
killed and started again. `fixture.running_tds` starts it, or takes the real server.
"""
