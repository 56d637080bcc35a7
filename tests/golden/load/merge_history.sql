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
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_to" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
WHERE
  "Matters"."_active"
  AND EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND "_syncline_rows"."_syncline_gone"
  );
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_to" = COALESCE(
  "_syncline_rows"."changed",
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
)
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
  AND NOT "_syncline_rows"."_syncline_gone"
  AND "Matters"."_active"
  AND (
    "Matters"."changed" IS NULL OR "_syncline_rows"."changed" >= "Matters"."changed"
  )
  AND (
    "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
    OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
  );
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed",
  "_active",
  "_valid_from"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed",
  TRUE,
  CASE
    WHEN (
      SELECT
        MAX("_syncline_held"."_valid_to")
      FROM "law"."Matters" AS _syncline_held
      WHERE
        "_syncline_held"."id" = "_syncline_rows"."id"
    ) > COALESCE(
      "_syncline_rows"."changed",
      CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
    )
    THEN (
      SELECT
        MAX("_syncline_held"."_valid_to")
      FROM "law"."Matters" AS _syncline_held
      WHERE
        "_syncline_held"."id" = "_syncline_rows"."id"
    )
    ELSE COALESCE(
      "_syncline_rows"."changed",
      CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
    )
  END
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  NOT "_syncline_rows"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id" AND "Matters"."_active"
  );

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
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_to" = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
WHERE
  "Matters"."_active"
  AND EXISTS(
    SELECT
      1
    FROM "law"."_syncline_stage_1" AS _syncline_rows
    WHERE
      "_syncline_rows"."id" = "Matters"."id" AND "_syncline_rows"."_syncline_gone"
  );
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_to" = COALESCE(
  "_syncline_rows"."changed",
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
)
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  "_syncline_rows"."id" = "Matters"."id"
  AND NOT "_syncline_rows"."_syncline_gone"
  AND "Matters"."_active"
  AND (
    "Matters"."changed" IS NULL OR "_syncline_rows"."changed" >= "Matters"."changed"
  )
  AND (
    "Matters"."name" IS DISTINCT FROM "_syncline_rows"."name"
    OR "Matters"."changed" IS DISTINCT FROM "_syncline_rows"."changed"
  );
INSERT INTO "law"."Matters" (
  "id",
  "name",
  "changed",
  "_active",
  "_valid_from"
)
SELECT
  "_syncline_rows"."id",
  "_syncline_rows"."name",
  "_syncline_rows"."changed",
  TRUE,
  CASE
    WHEN (
      SELECT
        MAX("_syncline_held"."_valid_to")
      FROM "law"."Matters" AS _syncline_held
      WHERE
        "_syncline_held"."id" = "_syncline_rows"."id"
    ) > COALESCE(
      "_syncline_rows"."changed",
      CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
    )
    THEN (
      SELECT
        MAX("_syncline_held"."_valid_to")
      FROM "law"."Matters" AS _syncline_held
      WHERE
        "_syncline_held"."id" = "_syncline_rows"."id"
    )
    ELSE COALESCE(
      "_syncline_rows"."changed",
      CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
    )
  END
FROM "law"."_syncline_stage_1" AS _syncline_rows
WHERE
  NOT "_syncline_rows"."_syncline_gone"
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."Matters"
    WHERE
      "Matters"."id" = "_syncline_rows"."id" AND "Matters"."_active"
  );

-- tsql
DELETE FROM [law].[_syncline_stage_1] WHERE NOT [_syncline_stage_1].[_syncline_seq] IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT MAX([_syncline_seq]) AS [_syncline_value] FROM [law].[_syncline_stage_1] GROUP BY [id]) AS [_syncline_found] WHERE [_syncline_found].[_syncline_value] = [_syncline_stage_1].[_syncline_seq]);
UPDATE [_syncline_target] SET [_active] = 0, [_valid_to] = CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)) FROM [law].[Matters] AS [_syncline_target] WHERE [_syncline_target].[_active] = 1 AND EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [_syncline_target].[id] AND [_syncline_rows].[_syncline_gone] = 1);
UPDATE [_syncline_target] SET [_active] = 0, [_valid_to] = COALESCE([_syncline_rows].[changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) FROM [law].[Matters] AS [_syncline_target], [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [_syncline_target].[id] AND [_syncline_rows].[_syncline_gone] = 0 AND [_syncline_target].[_active] = 1 AND ([_syncline_target].[changed] IS NULL OR [_syncline_rows].[changed] >= [_syncline_target].[changed]) AND (EXISTS(SELECT [_syncline_target].[name], [_syncline_target].[changed] EXCEPT SELECT [_syncline_rows].[name], [_syncline_rows].[changed]));
INSERT INTO [law].[Matters] ([id], [name], [changed], [_active], [_valid_from]) SELECT [_syncline_rows].[id], [_syncline_rows].[name], [_syncline_rows].[changed], 1, CASE WHEN (SELECT MAX([_syncline_held].[_valid_to]) FROM [law].[Matters] AS _syncline_held WHERE [_syncline_held].[id] = [_syncline_rows].[id]) > COALESCE([_syncline_rows].[changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) THEN (SELECT MAX([_syncline_held].[_valid_to]) FROM [law].[Matters] AS _syncline_held WHERE [_syncline_held].[id] = [_syncline_rows].[id]) ELSE COALESCE([_syncline_rows].[changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) END FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0 AND NOT EXISTS(SELECT 1 FROM [law].[Matters] WHERE [Matters].[id] = [_syncline_rows].[id] AND [Matters].[_active] = 1);

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
UPDATE `law`.`Matters` SET `_active` = FALSE, `_valid_to` = CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP)
WHERE
  `Matters`.`_active`
  AND EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_stage_1` AS _syncline_rows
    WHERE
      `_syncline_rows`.`id` = `Matters`.`id` AND `_syncline_rows`.`_syncline_gone`
  );
UPDATE `law`.`Matters` SET `_active` = FALSE, `_valid_to` = COALESCE(`_syncline_rows`.`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  `_syncline_rows`.`id` = `Matters`.`id`
  AND NOT `_syncline_rows`.`_syncline_gone`
  AND `Matters`.`_active`
  AND (
    `Matters`.`changed` IS NULL OR `_syncline_rows`.`changed` >= `Matters`.`changed`
  )
  AND (
    `Matters`.`name` IS DISTINCT FROM `_syncline_rows`.`name`
    OR `Matters`.`changed` IS DISTINCT FROM `_syncline_rows`.`changed`
  );
INSERT INTO `law`.`Matters` (
  `id`,
  `name`,
  `changed`,
  `_active`,
  `_valid_from`
)
SELECT
  `_syncline_rows`.`id`,
  `_syncline_rows`.`name`,
  `_syncline_rows`.`changed`,
  TRUE,
  CASE
    WHEN (
      SELECT
        MAX(`_syncline_held`.`_valid_to`)
      FROM `law`.`Matters` AS _syncline_held
      WHERE
        `_syncline_held`.`id` = `_syncline_rows`.`id`
    ) > COALESCE(`_syncline_rows`.`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
    THEN (
      SELECT
        MAX(`_syncline_held`.`_valid_to`)
      FROM `law`.`Matters` AS _syncline_held
      WHERE
        `_syncline_held`.`id` = `_syncline_rows`.`id`
    )
    ELSE COALESCE(`_syncline_rows`.`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
  END
FROM `law`.`_syncline_stage_1` AS _syncline_rows
WHERE
  NOT `_syncline_rows`.`_syncline_gone`
  AND NOT EXISTS(
    SELECT
      1
    FROM `law`.`Matters`
    WHERE
      `Matters`.`id` = `_syncline_rows`.`id` AND `Matters`.`_active`
  );
