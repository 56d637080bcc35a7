IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND name = N'_syncline_key') CREATE CLUSTERED INDEX [_syncline_key] ON [my sch]]ema].[it's [a]] "b".c] ([id], [code]);

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[law].[Matters]') AND name = N'_syncline_columns') CREATE CLUSTERED COLUMNSTORE INDEX [_syncline_columns] ON [law].[Matters];

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[law].[Matters]') AND name = N'_syncline_key') CREATE NONCLUSTERED INDEX [_syncline_key] ON [law].[Matters] ([id], [code]);

DROP INDEX IF EXISTS [_syncline_key] ON [my sch]]ema].[it's [a]] "b".c];
