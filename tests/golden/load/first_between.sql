-- duckdb
SELECT
  1
WHERE
  (
    SELECT
      MIN("id")
    FROM "law"."Matters"
    WHERE
      "id" >= 100
  ) <= 200;

-- postgres
SELECT
  1
WHERE
  (
    SELECT
      MIN("id")
    FROM "law"."Matters"
    WHERE
      "id" >= 100
  ) <= 200;

-- tsql
SELECT 1 WHERE (SELECT MIN([id]) FROM [law].[Matters] WHERE [id] >= 100) <= 200;

-- databricks
SELECT
  1
WHERE
  (
    SELECT
      MIN(`id`)
    FROM `law`.`Matters`
    WHERE
      `id` >= 100
  ) <= 200;
