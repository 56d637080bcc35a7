-- duckdb
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "id" SET DATA TYPE BIGINT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "n" SET DATA TYPE DECIMAL(18, 4);
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "it's ""new"" ]" TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "json" JSON;

-- postgres
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "id" SET DATA TYPE BIGINT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ALTER COLUMN "n" SET DATA TYPE DECIMAL(18, 4);
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "it's ""new"" ]" TEXT;
ALTER TABLE "a ""b"" ]c"."it's [a] ""b"".c `d`"
ADD COLUMN "json" JSONB;

-- tsql
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [id] BIGINT NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ALTER COLUMN [n] NUMERIC(18, 4) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ADD [it's "new" ]]] NVARCHAR(40) NULL;
ALTER TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ADD [json] NVARCHAR(MAX) NULL;

-- databricks
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `id` TYPE BIGINT;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ALTER COLUMN `n` TYPE DECIMAL(18, 4);
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ADD COLUMN `it's "new" ]` STRING;
ALTER TABLE `a "b" ]c`.`it's [a] "b".c ``d```
ADD COLUMN `json` STRING;
