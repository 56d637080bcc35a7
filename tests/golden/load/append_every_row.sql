-- duckdb
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "staged"."id",
  "staged"."name",
  "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  NOT "staged"."_syncline_gone";

-- postgres
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "staged"."id",
  "staged"."name",
  "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  NOT "staged"."_syncline_gone";

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [staged].[id], [staged].[name], [staged].[changed] FROM [law].[_syncline_stage_1] AS staged WHERE [staged].[_syncline_gone] = 0;

-- databricks
INSERT INTO `law`.`Matters` (
  `id`,
  `name`,
  `changed`
)
SELECT
  `staged`.`id`,
  `staged`.`name`,
  `staged`.`changed`
FROM `law`.`_syncline_stage_1` AS staged
WHERE
  NOT `staged`.`_syncline_gone`;
