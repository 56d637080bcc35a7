-- duckdb
DELETE FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_seq" IN (
    SELECT
      MAX("_syncline_seq")
    FROM "law"."_syncline_stage_1"
    GROUP BY
      "id",
      "name"
  );
UPDATE "law"."Matters" SET "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND "staged"."name" = "Matters"."name"
  AND NOT "staged"."_syncline_gone"
  AND (
    "Matters"."changed" IS DISTINCT FROM "staged"."changed"
  );
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
  NOT "staged"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id" AND "Matters"."name" = "staged"."name"
  );

-- postgres
DELETE FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_seq" IN (
    SELECT
      MAX("_syncline_seq")
    FROM "law"."_syncline_stage_1"
    GROUP BY
      "id",
      "name"
  );
UPDATE "law"."Matters" SET "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND "staged"."name" = "Matters"."name"
  AND NOT "staged"."_syncline_gone"
  AND (
    "Matters"."changed" IS DISTINCT FROM "staged"."changed"
  );
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
  NOT "staged"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id" AND "Matters"."name" = "staged"."name"
  );

-- tsql
DELETE FROM [law].[_syncline_stage_1] WHERE NOT [_syncline_stage_1].[_syncline_seq] IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT MAX([_syncline_seq]) AS [_syncline_value] FROM [law].[_syncline_stage_1] GROUP BY [id], [name]) AS [_syncline_found] WHERE [_syncline_found].[_syncline_value] = [_syncline_stage_1].[_syncline_seq]);
UPDATE [_syncline_target] SET [changed] = [staged].[changed] FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS staged WHERE [staged].[id] = [_syncline_target].[id] AND [staged].[name] = [_syncline_target].[name] AND [staged].[_syncline_gone] = 0 AND (EXISTS(SELECT [_syncline_target].[changed] EXCEPT SELECT [staged].[changed]));
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [staged].[id], [staged].[name], [staged].[changed] FROM [law].[_syncline_stage_1] AS staged WHERE [staged].[_syncline_gone] = 0 AND NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [staged].[id] AND [Matters].[name] = [staged].[name]);

-- databricks
DELETE FROM `law`.`_syncline_stage_1`
WHERE
  NOT `_syncline_seq` IN (
    SELECT
      MAX(`_syncline_seq`)
    FROM `law`.`_syncline_stage_1`
    GROUP BY
      `id`,
      `name`
  );
UPDATE `law`.`Matters` SET `changed` = `staged`.`changed`
FROM `law`.`_syncline_stage_1` AS staged
WHERE
  `staged`.`id` = `Matters`.`id`
  AND `staged`.`name` = `Matters`.`name`
  AND NOT `staged`.`_syncline_gone`
  AND (
    `Matters`.`changed` IS DISTINCT FROM `staged`.`changed`
  );
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
  NOT `staged`.`_syncline_gone`
  AND NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `staged`.`id` AND `Matters`.`name` = `staged`.`name`
  );
