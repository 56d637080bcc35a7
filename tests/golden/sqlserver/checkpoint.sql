INSERT INTO [law].[_syncline_checkpoints] ([task], [generation], [cursor], [passes], [fingerprint], [aside], [collected], [passes_since_sweep], [run], [committed_at]) SELECT N'it''s', CASE WHEN COALESCE(MAX([generation]), 0) = 2 THEN 3 ELSE MAX([generation]) END, N'{"since": "Zoë''s"}', 1, N'f', NULL, 0, 0, N'r', CAST(N'2026-03-29 01:30:00.123456+00:00' AS DATETIMEOFFSET(6)) FROM [law].[_syncline_checkpoints] WHERE [task] = N'it''s';

DELETE FROM [law].[_syncline_checkpoints] WHERE [task] = N'it''s' AND [generation] <= -97;
