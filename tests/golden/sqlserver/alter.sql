ALTER TABLE [my sch]]ema].[it's [a]] "b".c] ADD [new]]] FLOAT(24) NULL;

ALTER TABLE [law].[Matters] ALTER COLUMN [id] NUMERIC(20, 0) NOT NULL;

ALTER TABLE [law].[Matters] ALTER COLUMN [name] NVARCHAR(MAX) COLLATE SQL_Latin1_General_CP1_CI_AS NULL;

ALTER TABLE [law].[Matters] ALTER COLUMN [unknown] BIGINT NULL;
