-- duckdb
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  );
UPDATE "law"."Matters" SET "name" = "_syncline_rows"."name", "changed" = "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
  );

-- postgres
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  );
UPDATE "law"."Matters" SET "name" = "_syncline_rows"."name", "changed" = "_syncline_rows"."changed"
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id"
  );

-- tsql
DELETE FROM [law].[Matters] WHERE NOT EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [Matters].[id]);
UPDATE [_syncline_target] SET [name] = [_syncline_rows].[name], [changed] = [_syncline_rows].[changed] FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [_syncline_target].[id] AND (EXISTS(SELECT [_syncline_target].[name], [_syncline_target].[changed] EXCEPT SELECT [_syncline_rows].[name], [_syncline_rows].[changed]));
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [_syncline_rows].[id]);

-- databricks
DELETE FROM `law`.`Matters`
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id`
  );
UPDATE `law`.`Matters` SET `name` = `_syncline_rows`.`name`, `changed` = `_syncline_rows`.`changed`
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  `_syncline_rows`.`id` = `Matters`.`id`
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
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `_syncline_rows`.`id`
  );
