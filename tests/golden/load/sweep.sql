-- duckdb
INSERT INTO "law"."_syncline_new_1" (
  "id"
)
SELECT
  "id"
FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_gone";
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  );

-- postgres
INSERT INTO "law"."_syncline_new_1" (
  "id"
)
SELECT
  "id"
FROM "law"."_syncline_stage_1"
WHERE
  NOT "_syncline_gone";
DELETE FROM "law"."Matters"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
  );

-- tsql
INSERT INTO [law].[_syncline_new_1] ([id]) SELECT [id] FROM [law].[_syncline_stage_1] WHERE [_syncline_gone] = 0;
DELETE FROM [law].[Matters] WHERE NOT EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [Matters].[id]);

-- databricks
INSERT INTO `law`.`_syncline_new_1` (
  `id`
)
SELECT
  `id`
FROM `law`.`_syncline_stage_1`
WHERE
  NOT `_syncline_gone`;
DELETE FROM `law`.`Matters`
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id`
  );
