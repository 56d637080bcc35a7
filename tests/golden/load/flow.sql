-- duckdb
UPDATE "law"."Matters" SET "name" = "staged"."name", "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND NOT "staged"."_syncline_gone"
  AND (
    "Matters"."name" IS DISTINCT FROM "staged"."name"
    OR "Matters"."changed" IS DISTINCT FROM "staged"."changed"
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS staged
    WHERE
      "staged"."id" = "Matters"."id"
  );
DELETE FROM "law"."Matters";
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "id",
  "name",
  "changed"
FROM "law"."_syncline_stage_1"
WHERE
  "_syncline_seq" <= 500;
DELETE FROM "law"."_syncline_stage_1"
WHERE
  "_syncline_seq" <= 500;

-- postgres
UPDATE "law"."Matters" SET "name" = "staged"."name", "changed" = "staged"."changed"
FROM "law"."_syncline_stage_1" AS staged
WHERE
  "staged"."id" = "Matters"."id"
  AND NOT "staged"."_syncline_gone"
  AND (
    "Matters"."name" IS DISTINCT FROM "staged"."name"
    OR "Matters"."changed" IS DISTINCT FROM "staged"."changed"
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS staged
    WHERE
      "staged"."id" = "Matters"."id"
  );
DELETE FROM "law"."Matters";
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed"
)
SELECT
  "id",
  "name",
  "changed"
FROM "law"."_syncline_stage_1"
WHERE
  "_syncline_seq" <= 500;
DELETE FROM "law"."_syncline_stage_1"
WHERE
  "_syncline_seq" <= 500;

-- tsql
UPDATE [_syncline_target] SET [name] = [staged].[name], [changed] = [staged].[changed] FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS staged WHERE [staged].[id] = [_syncline_target].[id] AND [staged].[_syncline_gone] = 0 AND (EXISTS(SELECT [_syncline_target].[name], [_syncline_target].[changed] EXCEPT SELECT [staged].[name], [staged].[changed]));
DELETE FROM [law].[Matters] WHERE EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS staged WHERE [staged].[id] = [Matters].[id]);
DELETE FROM [law].[Matters];
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [id], [name], [changed] FROM [law].[_syncline_stage_1] WHERE [_syncline_seq] <= 500;
DELETE FROM [law].[_syncline_stage_1] WHERE [_syncline_seq] <= 500;

-- databricks
UPDATE `law`.`Matters` SET `name` = `staged`.`name`, `changed` = `staged`.`changed`
FROM `law`.`_syncline_stage_1` AS staged
WHERE
  `staged`.`id` = `Matters`.`id`
  AND NOT `staged`.`_syncline_gone`
  AND (
    `Matters`.`name` IS DISTINCT FROM `staged`.`name`
    OR `Matters`.`changed` IS DISTINCT FROM `staged`.`changed`
  );
DELETE FROM `law`.`Matters`
WHERE
  EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS staged
    WHERE
      `staged`.`id` = `Matters`.`id`
  );
DELETE FROM `law`.`Matters`;
INSERT INTO `law`.`Matters` (
  `id`,
  `name`,
  `changed`
)
SELECT
  `id`,
  `name`,
  `changed`
FROM `law`.`_syncline_stage_1`
WHERE
  `_syncline_seq` <= 500;
DELETE FROM `law`.`_syncline_stage_1`
WHERE
  `_syncline_seq` <= 500;
