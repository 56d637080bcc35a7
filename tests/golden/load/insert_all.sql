-- duckdb
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows;

-- postgres
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows;

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows;

-- databricks
INSERT INTO `law`.`Matters` (
  `id`,
  `name`,
  `changed`
)
SELECT
  `_syncline_rows`.`id`,
  `_syncline_rows`.`name`,
  `_syncline_rows`.`changed`
FROM `law`.`_syncline_stage_1` AS _syncline_rows;
