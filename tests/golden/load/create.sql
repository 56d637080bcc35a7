-- duckdb
CREATE SCHEMA IF NOT EXISTS "a ""b"" ]c";
CREATE TABLE IF NOT EXISTS "a ""b"" ]c"."it's [a] ""b"".c `d`" (
  "id" BIGINT NOT NULL,
  "code" TEXT NOT NULL,
  "boolean" BOOLEAN,
  "int8" SMALLINT,
  "uint16" INT,
  "int32" INT,
  "uint64" DECIMAL(20, 0),
  "float" REAL,
  "double" DOUBLE,
  "decimal" DECIMAL(38, 9),
  "sized" TEXT,
  "long" TEXT,
  "text" TEXT,
  "json" JSON,
  "binary" BLOB,
  "date" DATE,
  "time" TIME,
  "instant" TIMESTAMPTZ,
  "moment" TIMESTAMP
);
CREATE TEMPORARY TABLE IF NOT EXISTS "law"."_syncline_stage_1" (
  "id" BIGINT,
  "name" TEXT,
  "changed" TIMESTAMPTZ
);
DROP TABLE IF EXISTS "law"."_syncline_stage_1";

-- postgres
CREATE SCHEMA IF NOT EXISTS "a ""b"" ]c";
CREATE TABLE IF NOT EXISTS "a ""b"" ]c"."it's [a] ""b"".c `d`" (
  "id" BIGINT NOT NULL,
  "code" TEXT NOT NULL,
  "boolean" BOOLEAN,
  "int8" SMALLINT,
  "uint16" INT,
  "int32" INT,
  "uint64" DECIMAL(20, 0),
  "float" REAL,
  "double" DOUBLE PRECISION,
  "decimal" DECIMAL(38, 9),
  "sized" TEXT,
  "long" TEXT,
  "text" TEXT,
  "json" JSONB,
  "binary" BYTEA,
  "date" DATE,
  "time" TIME,
  "instant" TIMESTAMPTZ,
  "moment" TIMESTAMP
);
CREATE INDEX ON "a ""b"" ]c"."it's [a] ""b"".c `d`"("id", "code");
CREATE TEMPORARY TABLE IF NOT EXISTS "law"."_syncline_stage_1" (
  "id" BIGINT,
  "name" TEXT,
  "changed" TIMESTAMPTZ
);
DROP TABLE IF EXISTS "law"."_syncline_stage_1";

-- tsql
IF SCHEMA_ID(N'a "b" ]c') IS NULL EXEC (N'CREATE SCHEMA [a "b" ]]c]');
IF OBJECT_ID(N'[a "b" ]]c].[it''s [a]] "b".c `d`]') IS NULL CREATE TABLE [a "b" ]]c].[it's [a]] "b".c `d`] ([id] BIGINT NOT NULL, [code] NVARCHAR(36) COLLATE Latin1_General_100_BIN2 NOT NULL, [boolean] BIT NULL, [int8] SMALLINT NULL, [uint16] INTEGER NULL, [int32] INTEGER NULL, [uint64] NUMERIC(20,0) NULL, [float] FLOAT(24) NULL, [double] FLOAT NULL, [decimal] NUMERIC(38,9) NULL, [sized] NVARCHAR(80) NULL, [long] NVARCHAR(MAX) NULL, [text] NVARCHAR(MAX) NULL, [json] NVARCHAR(MAX) NULL, [binary] VARBINARY(MAX) NULL, [date] DATE NULL, [time] TIME(6) NULL, [instant] DATETIMEOFFSET(6) NULL, [moment] DATETIME2(6) NULL);
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[a "b" ]]c].[it''s [a]] "b".c `d`]') AND name = N'_syncline_key') CREATE CLUSTERED INDEX [_syncline_key] ON [a "b" ]]c].[it's [a]] "b".c `d`] ([id], [code]);
IF OBJECT_ID(N'[law].[_syncline_stage_1]') IS NULL CREATE TABLE [law].[_syncline_stage_1] ([id] BIGINT NULL, [name] NVARCHAR(MAX) NULL, [changed] DATETIMEOFFSET(6) NULL);
DROP TABLE IF EXISTS [law].[_syncline_stage_1];

-- databricks
CREATE SCHEMA IF NOT EXISTS `a "b" ]c`;
CREATE TABLE IF NOT EXISTS `a "b" ]c`.`it's [a] "b".c ``d``` (
  `id` BIGINT NOT NULL,
  `code` STRING NOT NULL,
  `boolean` BOOLEAN,
  `int8` SMALLINT,
  `uint16` INT,
  `int32` INT,
  `uint64` DECIMAL(20, 0),
  `float` FLOAT,
  `double` DOUBLE,
  `decimal` DECIMAL(38, 9),
  `sized` STRING,
  `long` STRING,
  `text` STRING,
  `json` STRING,
  `binary` BINARY,
  `date` DATE,
  `time` STRING,
  `instant` TIMESTAMP,
  `moment` TIMESTAMP_NTZ
)
CLUSTER BY (`id`, `code`);
CREATE TABLE IF NOT EXISTS `law`.`_syncline_stage_1` (
  `id` BIGINT,
  `name` STRING,
  `changed` TIMESTAMP
);
DROP TABLE IF EXISTS `law`.`_syncline_stage_1`;
