-- duckdb
SELECT
  "held"."task",
  "held"."generation",
  "held"."cursor",
  "held"."passes",
  "held"."fingerprint",
  "held"."aside",
  "held"."collected",
  "held"."passes_since_sweep",
  "held"."run",
  "held"."committed_at"
FROM "law"."_syncline_checkpoints" AS held
WHERE
  "held"."task" IN ('a', 'a#sweep')
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_checkpoints" AS later
    WHERE
      "later"."task" = "held"."task" AND "later"."generation" > "held"."generation"
  );

-- postgres
SELECT
  "held"."task",
  "held"."generation",
  "held"."cursor",
  "held"."passes",
  "held"."fingerprint",
  "held"."aside",
  "held"."collected",
  "held"."passes_since_sweep",
  "held"."run",
  "held"."committed_at"
FROM "law"."_syncline_checkpoints" AS held
WHERE
  "held"."task" IN ('a', 'a#sweep')
  AND NOT EXISTS(
    SELECT
      1
    FROM "law"."_syncline_checkpoints" AS later
    WHERE
      "later"."task" = "held"."task" AND "later"."generation" > "held"."generation"
  );

-- tsql
SELECT [held].[task], [held].[generation], [held].[cursor], [held].[passes], [held].[fingerprint], [held].[aside], [held].[collected], [held].[passes_since_sweep], [held].[run], [held].[committed_at] FROM [law].[_syncline_checkpoints] AS held WHERE [held].[task] IN (N'a', N'a#sweep') AND NOT EXISTS(SELECT 1 FROM [law].[_syncline_checkpoints] AS later WHERE [later].[task] = [held].[task] AND [later].[generation] > [held].[generation]);

-- databricks
SELECT
  `held`.`task`,
  `held`.`generation`,
  `held`.`cursor`,
  `held`.`passes`,
  `held`.`fingerprint`,
  `held`.`aside`,
  `held`.`collected`,
  `held`.`passes_since_sweep`,
  `held`.`run`,
  `held`.`committed_at`
FROM `law`.`_syncline_checkpoints` AS held
WHERE
  `held`.`task` IN ('a', 'a#sweep')
  AND NOT EXISTS(
    SELECT
      1
    FROM `law`.`_syncline_checkpoints` AS later
    WHERE
      `later`.`task` = `held`.`task` AND `later`.`generation` > `held`.`generation`
  );
