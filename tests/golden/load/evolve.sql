-- duckdb
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "id" SET DATA TYPE BIGINT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "n" SET DATA TYPE DECIMAL(18, 4);
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "it's ""new"" ]" TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "json" JSON;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "declared" SET DATA TYPE TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "measured" SET DATA TYPE TEXT;

-- postgres
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "id" SET DATA TYPE BIGINT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "n" SET DATA TYPE DECIMAL(18, 4);
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "it's ""new"" ]" TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "json" JSONB;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "declared" SET DATA TYPE TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "measured" SET DATA TYPE TEXT;

-- tsql
DROP INDEX IF EXISTS [_syncline_key] ON [a "b" ]]c].[it's [a]] "b".c `d`];
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [id] BIGINT NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [n] NUMERIC(18, 4) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ADD [it's "new" ]]] NVARCHAR(80) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ADD [json] NVARCHAR(MAX) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [declared] NVARCHAR(60) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [measured] NVARCHAR(MAX) NULL;
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[a "b" ]]c].[it''s [a]] "b".c `d`]') AND name = N'_syncline_columns') CREATE CLUSTERED COLUMNSTORE INDEX [_syncline_columns] ON [a "b" ]]c].[it's [a]] "b".c `d`];
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[a "b" ]]c].[it''s [a]] "b".c `d`]') AND name = N'_syncline_key') CREATE NONCLUSTERED INDEX [_syncline_key] ON [a "b" ]]c].[it's [a]] "b".c `d`] ([id]);

-- databricks
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `id` TYPE BIGINT;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `n` TYPE DECIMAL(18, 4);
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ADD COLUMN `it's "new" ]` STRING;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ADD COLUMN `json` STRING;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `declared` TYPE STRING;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `measured` TYPE STRING;
