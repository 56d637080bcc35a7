INSERT INTO [law].[keys] ([id], [code]) SELECT [id], [code] FROM [law].[_syncline_stage_1] WHERE [_syncline_gone] = 0;
