SELECT TOP 1 [cursor] FROM [law].[_syncline_checkpoints] WHERE [task] = N'Zoë''s' ORDER BY [generation] DESC;
