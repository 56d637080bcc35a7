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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id"
      AND "Matters"."changed" IS NOT DISTINCT FROM "staged"."changed"
  );

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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id"
      AND "Matters"."changed" IS NOT DISTINCT FROM "staged"."changed"
  );

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [staged].[id], [staged].[name], [staged].[changed] FROM [law].[_syncline_stage_1] AS staged WHERE NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [staged].[id] AND EXISTS(SELECT [Matters].[changed] INTERSECT SELECT [staged].[changed]));

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
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `staged`.`id`
      AND `Matters`.`changed` IS NOT DISTINCT FROM `staged`.`changed`
  );
