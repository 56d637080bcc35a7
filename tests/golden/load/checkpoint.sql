-- duckdb
INSERT INTO "law"."_syncline_checkpoints" (
  "task",
  "generation",
  "cursor",
  "passes",
  "fingerprint",
  "aside",
  "collected",
  "passes_since_sweep",
  "run",
  "committed_at"
)
SELECT
  'it''s \ a task',
  CASE WHEN COALESCE(MAX("generation"), 0) = 2 THEN 3 ELSE MAX("generation") END,
  '{"since": "2026-01-01T00:00:00Z", "text": "Zoë''s \"\\\n"}',
  1,
  '0123456789abcdef',
  '_syncline_new_1',
  FALSE,
  2,
  'a run',
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
FROM "law"."_syncline_checkpoints"
WHERE
  "task" = 'it''s \ a task';
DELETE FROM "law"."_syncline_checkpoints"
WHERE
  "task" = 'it''s \ a task' AND "generation" <= -97;

-- postgres
INSERT INTO "law"."_syncline_checkpoints" (
  "task",
  "generation",
  "cursor",
  "passes",
  "fingerprint",
  "aside",
  "collected",
  "passes_since_sweep",
  "run",
  "committed_at"
)
SELECT
  'it''s \ a task',
  CASE WHEN COALESCE(MAX("generation"), 0) = 2 THEN 3 ELSE MAX("generation") END,
  '{"since": "2026-01-01T00:00:00Z", "text": "Zoë''s \"\\\n"}',
  1,
  '0123456789abcdef',
  '_syncline_new_1',
  FALSE,
  2,
  'a run',
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMPTZ)
FROM "law"."_syncline_checkpoints"
WHERE
  "task" = 'it''s \ a task';
DELETE FROM "law"."_syncline_checkpoints"
WHERE
  "task" = 'it''s \ a task' AND "generation" <= -97;

-- tsql
INSERT INTO [law].[_syncline_checkpoints] ([task], [generation], [cursor], [passes], [fingerprint], [aside], [collected], [passes_since_sweep], [run], [committed_at]) SELECT N'it''s \ a task', CASE WHEN COALESCE(MAX([generation]), 0) = 2 THEN 3 ELSE MAX([generation]) END, N'{"since": "2026-01-01T00:00:00Z", "text": "Zoë''s \"\\\n"}', 1, N'0123456789abcdef', N'_syncline_new_1', 0, 2, N'a run', CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)) FROM [law].[_syncline_checkpoints] WHERE [task] = N'it''s \ a task';
DELETE FROM [law].[_syncline_checkpoints] WHERE [task] = N'it''s \ a task' AND [generation] <= -97;

-- databricks
INSERT INTO `law`.`_syncline_checkpoints` (
  `task`,
  `generation`,
  `cursor`,
  `passes`,
  `fingerprint`,
  `aside`,
  `collected`,
  `passes_since_sweep`,
  `run`,
  `committed_at`
)
SELECT
  'it\'s \\ a task',
  CASE WHEN COALESCE(MAX(`generation`), 0) = 2 THEN 3 ELSE MAX(`generation`) END,
  '{"since": "2026-01-01T00:00:00Z", "text": "Zoë\'s \\"\\\\\\n"}',
  1,
  '0123456789abcdef',
  '_syncline_new_1',
  FALSE,
  2,
  'a run',
  CAST('2026-03-29 01:30:00.123456+00:00' AS TIMESTAMP)
FROM `law`.`_syncline_checkpoints`
WHERE
  `task` = 'it\'s \\ a task';
DELETE FROM `law`.`_syncline_checkpoints`
WHERE
  `task` = 'it\'s \\ a task' AND `generation` <= -97;
