-- duckdb
SELECT
  1
WHERE
  (
    SELECT
      MIN("id")
    FROM "law"."Matters"
    WHERE
      "id" >= (
        SELECT
          MIN("id")
        FROM "law"."_syncline_stage_1"
      )
  ) <= (
    SELECT
      MAX("id")
    FROM "law"."_syncline_stage_1"
  );

-- postgres
SELECT
  1
WHERE
  (
    SELECT
      MIN("id")
    FROM "law"."Matters"
    WHERE
      "id" >= (
        SELECT
          MIN("id")
        FROM "law"."_syncline_stage_1"
      )
  ) <= (
    SELECT
      MAX("id")
    FROM "law"."_syncline_stage_1"
  );

-- tsql
SELECT 1 WHERE (SELECT MIN([id]) FROM [law].[Matters] WHERE [id] >= (SELECT MIN([id]) FROM [law].[_syncline_stage_1])) <= (SELECT MAX([id]) FROM [law].[_syncline_stage_1]);

-- databricks
SELECT
  1
WHERE
  (
    SELECT
      MIN(`id`)
    FROM `law`.`Matters`
    WHERE
      `id` >= (
        SELECT
          MIN(`id`)
        FROM `law`.`_syncline_stage_1`
      )
  ) <= (
    SELECT
      MAX(`id`)
    FROM `law`.`_syncline_stage_1`
  );
