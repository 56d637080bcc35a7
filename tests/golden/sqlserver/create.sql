IF SCHEMA_ID(N'my sch]ema''s') IS NULL EXEC (N'CREATE SCHEMA [my sch]]ema''s]');

IF OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') IS NULL CREATE TABLE [my sch]]ema].[it's [a]] "b".c] ([id] BIGINT NOT NULL, [code] NVARCHAR(36) COLLATE Latin1_General_100_BIN2 NOT NULL, [name] NVARCHAR(MAX) NULL, [ready] BIT NULL, [changed] DATETIMEOFFSET(6) NULL);

IF OBJECT_ID(N'[law].[_syncline_stage_1]') IS NULL CREATE TABLE [law].[_syncline_stage_1] ([id] BIGINT NOT NULL, [code] NVARCHAR(36) COLLATE Latin1_General_100_BIN2 NOT NULL, [name] NVARCHAR(MAX) NULL, [ready] BIT NULL, [changed] DATETIMEOFFSET(6) NULL);
