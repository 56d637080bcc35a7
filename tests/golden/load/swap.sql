-- duckdb
DROP TABLE IF EXISTS "law"."Matters";
ALTER TABLE "law"."_syncline_stage_1"
RENAME TO "Matters";

-- postgres
DROP TABLE IF EXISTS "law"."Matters";
ALTER TABLE "law"."_syncline_stage_1"
RENAME TO "Matters";

-- tsql
DROP TABLE IF EXISTS [law].[Matters];
EXEC sp_rename @objname = N'[law].[_syncline_stage_1]', @newname = N'Matters', @objtype = N'OBJECT';

-- databricks
DROP TABLE IF EXISTS `law`.`Matters`;
ALTER TABLE `law`.`_syncline_stage_1`
RENAME TO `Matters`;
