DROP TABLE IF EXISTS [my sch]]ema].[it's [a]] "b".c];

EXEC sp_rename @objname = N'[my sch]]ema].[it''s [a]] "b".c]', @newname = N'it''s [a] "b".c', @objtype = N'OBJECT';
