-- duckdb
UPDATE "law"."Matters" SET "_active" = TRUE, "_valid_from" = COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
WHERE
  "_active" IS NULL;

-- postgres
UPDATE "law"."Matters" SET "_active" = TRUE, "_valid_from" = COALESCE("changed", CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ))
WHERE
  "_active" IS NULL;

-- tsql
UPDATE [_syncline_target] SET [_active] = 1, [_valid_from] = COALESCE([changed], CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6))) FROM [law].[Matters] AS [_syncline_target] WHERE [_active] IS NULL;

-- databricks
UPDATE `law`.`Matters` SET `_active` = TRUE, `_valid_from` = COALESCE(`changed`, CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP))
WHERE
  `_active` IS NULL;
