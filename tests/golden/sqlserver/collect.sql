DELETE FROM [law].[_syncline_stage_1] WHERE NOT [_syncline_stage_1].[_syncline_seq] IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT MAX([_syncline_seq]) AS [_syncline_value] FROM [law].[_syncline_stage_1] GROUP BY [id], [code] COLLATE Latin1_General_100_BIN2, DATALENGTH([code])) AS [_syncline_found] WHERE [_syncline_found].[_syncline_value] = [_syncline_stage_1].[_syncline_seq]);

DELETE FROM [law].[Matters] WHERE EXISTS(SELECT 1 FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[id] = [Matters].[id] AND [_syncline_rows].[code] = [Matters].[code] AND DATALENGTH([_syncline_rows].[code]) = DATALENGTH([Matters].[code]));

INSERT INTO [law].[Matters] ([id], [code], [name], [ready], [changed]) SELECT [_syncline_rows].[id], [_syncline_rows].[code], [_syncline_rows].[name], [_syncline_rows].[ready], [_syncline_rows].[changed] FROM [law].[_syncline_stage_1] AS _syncline_rows WHERE [_syncline_rows].[_syncline_gone] = 0;
