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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
      AND "Matters"."changed" IS NOT DISTINCT FROM "_syncline_rows"."changed"
  );

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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
      AND "Matters"."changed" IS NOT DISTINCT FROM "_syncline_rows"."changed"
  );

-- tsql
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [_syncline_rows].[id] AND EXISTS(SELECT [Matters].[changed] INTERSECT SELECT [_syncline_rows].[changed]));

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
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `_syncline_rows`.`id`
      AND `Matters`.`changed` IS NOT DISTINCT FROM `_syncline_rows`.`changed`
  );
