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
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  NOT "_syncline_rows"."_syncline_gone";

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
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  NOT "_syncline_rows"."_syncline_gone";

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0;

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
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  NOT `_syncline_rows`.`_syncline_gone`;
