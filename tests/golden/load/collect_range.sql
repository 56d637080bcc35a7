-- duckdb
DELETE FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_seq" IN (
    SELECT
      MAX("_syncline_seq")
    FROM "law"."_syncline_stage_1"
    GROUP BY
      "id"
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  )
  AND "Matters"."id" >= 100
  AND "Matters"."id" <= 200;
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
DELETE FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_seq" IN (
    SELECT
      MAX("_syncline_seq")
    FROM "law"."_syncline_stage_1"
    GROUP BY
      "id"
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  )
  AND "Matters"."id" >= 100
  AND "Matters"."id" <= 200;
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
DELETE FROM [law].[_syncline_stage_1] WHERE NOT [_syncline_stage_1].[_syncline_seq] IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT MAX([_syncline_seq]) AS [_syncline_value] FROM [law].[_syncline_stage_1] GROUP BY [id]) AS [_syncline_found] WHERE [_syncline_found].[_syncline_value] = [_syncline_stage_1].[_syncline_seq]);
DELETE FROM [law].[Matters] WHERE EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [Matters].[id]) AND [Matters].[id] >= 100 AND [Matters].[id] <= 200;
INSERT INTO [law].[Matters] ([id], [name], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0;

-- databricks
DELETE FROM `law`.`_syncline_stage_1`
WHERE
  NOT `_syncline_seq` IN (
    SELECT
      MAX(`_syncline_seq`)
    FROM `law`.`_syncline_stage_1`
    GROUP BY
      `id`
  );
DELETE FROM `law`.`Matters`
WHERE
  EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id`
  )
  AND `Matters`.`id` >= 100
  AND `Matters`.`id` <= 200;
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
