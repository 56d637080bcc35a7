-- duckdb
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_from" = CASE
  WHEN "_deleted_at" < COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
  THEN "_deleted_at"
  ELSE COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
END, "_valid_to" = "_deleted_at"
WHERE
  "_active" IS NULL AND NOT "_deleted_at" IS NULL;
UPDATE "law"."Matters" SET "_active" = TRUE, "_valid_from" = COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
WHERE
  "_active" IS NULL;

-- postgres
UPDATE "law"."Matters" SET "_active" = FALSE, "_valid_from" = CASE
  WHEN "_deleted_at" < COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
  THEN "_deleted_at"
  ELSE COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
END, "_valid_to" = "_deleted_at"
WHERE
  "_active" IS NULL AND NOT "_deleted_at" IS NULL;
UPDATE "law"."Matters" SET "_active" = TRUE, "_valid_from" = COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
WHERE
  "_active" IS NULL;

-- tsql
UPDATE [_syncline_target] SET [_active] = 0, [_valid_from] = CASE WHEN [_deleted_at] < COALESCE([changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) THEN [_deleted_at] ELSE COALESCE([changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) END, [_valid_to] = [_deleted_at] FROM [law].[Matters] AS [_syncline_target] WHERE [_active] IS NULL AND NOT [_deleted_at] IS NULL;
UPDATE [_syncline_target] SET [_active] = 1, [_valid_from] = COALESCE([changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) FROM [law].[Matters] AS [_syncline_target] WHERE [_active] IS NULL;

-- databricks
UPDATE `law`.`Matters` SET `_active` = FALSE, `_valid_from` = CASE
  WHEN `_deleted_at` < COALESCE(`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
  THEN `_deleted_at`
  ELSE COALESCE(`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
END, `_valid_to` = `_deleted_at`
WHERE
  `_active` IS NULL AND NOT `_deleted_at` IS NULL;
UPDATE `law`.`Matters` SET `_active` = TRUE, `_valid_from` = COALESCE(`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
WHERE
  `_active` IS NULL;
