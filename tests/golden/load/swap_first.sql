-- duckdb
ALTER TABLE "law"."_syncline_stage_1"
RENAME TO "Matters";

-- postgres
ALTER TABLE "law"."_syncline_stage_1"
RENAME TO "Matters";

-- tsql
EXEC sp_rename @objname = N'[law].[_syncline_stage_1]', @newname = N'Matters', @objtype = N'OBJECT';

-- databricks
ALTER TABLE `law`.`_syncline_stage_1`
RENAME TO `Matters`;
