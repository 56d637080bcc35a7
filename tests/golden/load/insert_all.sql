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
FROM "law"."_syncline_stage_1" AS staged;

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
FROM "law"."_syncline_stage_1" AS staged;

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [staged].[id], [staged].[name], [staged].[changed] FROM [law].[_syncline_stage_1] AS staged;

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
FROM `law`.`_syncline_stage_1` AS staged;
