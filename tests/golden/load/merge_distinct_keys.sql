-- duckdb
UPDATE "law"."Matters" SET "name" = "_syncline_rows"."name", "changed" = "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
  AND NOT "_syncline_rows"."_syncline_gone"
  AND (
    "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
    OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
  );
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
  NOT "_syncline_rows"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
  );

-- postgres
UPDATE "law"."Matters" SET "name" = "_syncline_rows"."name", "changed" = "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
  AND NOT "_syncline_rows"."_syncline_gone"
  AND (
    "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
    OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
  );
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
  NOT "_syncline_rows"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
  );

-- tsql
UPDATE [_syncline_target] SET [name] = [_syncline_rows].[name], [changed] = [_syncline_rows].[changed] FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [_syncline_target].[id] AND [_syncline_rows].[_syncline_gone] = 0 AND (EXISTS(SELECT [_syncline_target].[name], [_syncline_target].[changed] EXCEPT SELECT [_syncline_rows].[name], [_syncline_rows].[changed]));
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0 AND NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [_syncline_rows].[id]);

-- databricks
UPDATE `law`.`Matters` SET `name` = `_syncline_rows`.`name`, `changed` = `_syncline_rows`.`changed`
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  `_syncline_rows`.`id` = `Matters`.`id`
  AND NOT `_syncline_rows`.`_syncline_gone`
  AND (
    `Matters`.`name` IS DISTINCT FROM `_syncline_rows`.`name`
    OR `Matters`.`changed` IS DISTINCT FROM `_syncline_rows`.`changed`
  );
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
  NOT `_syncline_rows`.`_syncline_gone`
  AND NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `_syncline_rows`.`id`
  );
