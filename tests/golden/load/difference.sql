-- duckdb
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS staged
    WHERE
      "staged"."id" = "Matters"."id"
  );
UPDATE "law"."Matters" SET "name" = "staged"."name", "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND (
    "Matters"."name" IS DISTINCT FROM "staged"."name"
    OR "Matters"."changed" IS DISTINCT FROM "staged"."changed"
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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id"
  );

-- postgres
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS staged
    WHERE
      "staged"."id" = "Matters"."id"
  );
UPDATE "law"."Matters" SET "name" = "staged"."name", "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND (
    "Matters"."name" IS DISTINCT FROM "staged"."name"
    OR "Matters"."changed" IS DISTINCT FROM "staged"."changed"
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
  NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "staged"."id"
  );

-- tsql
DELETE FROM [law].[Matters] WHERE NOT EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS staged WHERE [staged].[id] = [Matters].[id]);
UPDATE [_syncline_target] SET [name] = [staged].[name], [changed] = [staged].[changed] FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS staged WHERE [staged].[id] = [_syncline_target].[id] AND (EXISTS(SELECT [_syncline_target].[name], [_syncline_target].[changed] EXCEPT SELECT [staged].[name], [staged].[changed]));
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [staged].[id], [staged].[name], [staged].[changed] FROM [law].[_syncline_stage_1] AS staged WHERE NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [staged].[id]);

-- databricks
DELETE FROM `law`.`Matters`
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS staged
    WHERE
      `staged`.`id` = `Matters`.`id`
  );
UPDATE `law`.`Matters` SET `name` = `staged`.`name`, `changed` = `staged`.`changed`
FROM `law`.`_syncline_stage_1` AS staged
WHERE
  `staged`.`id` = `Matters`.`id`
  AND (
    `Matters`.`name` IS DISTINCT FROM `staged`.`name`
    OR `Matters`.`changed` IS DISTINCT FROM `staged`.`changed`
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
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `staged`.`id`
  );
