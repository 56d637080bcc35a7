DROP TABLE IF EXISTS [law].[Matters];

EXEC sp_rename @objname = N'[law].[_syncline_stage_1]', @newname = N'Matters', @objtype = N'OBJECT';
