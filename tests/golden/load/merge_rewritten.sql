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
UPDATE "law"."Matters" SET "_deleted_at" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ), "_synced_at" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
WHERE
  "Matters"."_deleted_at" IS NULL
  AND EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND "_syncline_rows"."_syncline_gone"
  );
DELETE FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
      AND NOT (
        "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
        OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
        OR NOT "Matters"."_deleted_at" IS NULL
      )
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND NOT "_syncline_rows"."_syncline_gone"
  );
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed",
  "_synced_at"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed",
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
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
UPDATE "law"."Matters" SET "_deleted_at" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ), "_synced_at" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
WHERE
  "Matters"."_deleted_at" IS NULL
  AND EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND "_syncline_rows"."_syncline_gone"
  );
DELETE FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "_syncline_rows"."id" = "Matters"."id"
      AND NOT (
        "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
        OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
        OR NOT "Matters"."_deleted_at" IS NULL
      )
  );
DELETE FROM "law"."Matters"
WHERE
  EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND NOT "_syncline_rows"."_syncline_gone"
  );
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed",
  "_synced_at"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed",
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  NOT "_syncline_rows"."_syncline_gone";

-- tsql
DELETE FROM [law].[_syncline_stage_1] WHERE NOT [_syncline_stage_1].[_syncline_seq] IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT MAX([_syncline_seq]) AS [_syncline_value] FROM [law].[_syncline_stage_1] GROUP BY [id]) AS [_syncline_found] WHERE [_syncline_found].[_syncline_value] = [_syncline_stage_1].[_syncline_seq]);
UPDATE [_syncline_target] SET [_deleted_at] = CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)), [_synced_at] = CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)) FROM [law].[Matters] AS [_syncline_target] WHERE [_syncline_target].[_deleted_at] IS NULL AND EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [_syncline_target].[id] AND [_syncline_rows].[_syncline_gone] = 1);
DELETE FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE EXISTS(SELECT 1 FROM [law].[Matters] WHERE [_syncline_rows].[id] = [Matters].[id] AND NOT (EXISTS(SELECT [Matters].[name], [Matters].[changed] EXCEPT SELECT [_syncline_rows].[name], [_syncline_rows].[changed]) OR NOT [Matters].[_deleted_at] IS NULL));
DELETE FROM [law].[Matters] WHERE EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [Matters].[id] AND [_syncline_rows].[_syncline_gone] = 0);
INSERT INTO [law].[Matters] ([id], [name], [changed], [_synced_at]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)) FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0;

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
UPDATE `law`.`Matters` SET `_deleted_at` = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP), `_synced_at` = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP)
WHERE
  `Matters`.`_deleted_at` IS NULL
  AND EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id` AND `_syncline_rows`.`_syncline_gone`
  );
DELETE FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id`
      AND NOT (
        `Matters`.`name` IS DISTINCT FROM `_syncline_rows`.`name`
        OR `Matters`.`changed` IS DISTINCT FROM `_syncline_rows`.`changed`
        OR NOT `Matters`.`_deleted_at` IS NULL
      )
  );
DELETE FROM `law`.`Matters`
WHERE
  EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id` AND NOT `_syncline_rows`.`_syncline_gone`
  );
INSERT INTO `law`.`Matters` (
  `id`,
  `name`,
  `changed`,
  `_synced_at`
)
SELECT
  `_syncline_rows`.`id`,
  `_syncline_rows`.`name`,
  `_syncline_rows`.`changed`,
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP)
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  NOT `_syncline_rows`.`_syncline_gone`;
