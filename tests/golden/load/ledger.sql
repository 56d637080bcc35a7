-- duckdb
CREATE TABLE IF NOT EXISTS "law"."_syncline_checkpoints" (
  "task" TEXT NOT NULL,
  "generation" BIGINT NOT NULL,
  "cursor" TEXT,
  "passes" BIGINT,
  "fingerprint" TEXT,
  "aside" TEXT,
  "collected" BOOLEAN,
  "passes_since_sweep" BIGINT,
  "run" TEXT,
  "committed_at" TIMESTAMPTZ,
  PRIMARY KEY ("task", "generation")
);

-- postgres
CREATE TABLE IF NOT EXISTS "law"."_syncline_checkpoints" (
  "task" TEXT NOT NULL,
  "generation" BIGINT NOT NULL,
  "cursor" TEXT,
  "passes" BIGINT,
  "fingerprint" TEXT,
  "aside" TEXT,
  "collected" BOOLEAN,
  "passes_since_sweep" BIGINT,
  "run" TEXT,
  "committed_at" TIMESTAMPTZ,
  PRIMARY KEY ("task", "generation")
);

-- tsql
IF OBJECT_ID(N'[law].[_syncline_checkpoints]') IS NULL CREATE TABLE [law].[_syncline_checkpoints] ([task] NVARCHAR(440) COLLATE Latin1_General_100_BIN2 NOT NULL, [generation] BIGINT NOT NULL, [cursor] NVARCHAR(MAX) NULL, [passes] BIGINT NULL, [fingerprint] NVARCHAR(128) NULL, [aside] NVARCHAR(256) NULL, [collected] BIT NULL, [passes_since_sweep] BIGINT NULL, [run] NVARCHAR(256) NULL, [committed_at] DATETIMEOFFSET(6) NULL, PRIMARY KEY ([task], [generation]));

-- databricks
CREATE TABLE IF NOT EXISTS `law`.`_syncline_checkpoints` (
  `task` STRING NOT NULL,
  `generation` BIGINT NOT NULL,
  `cursor` STRING,
  `passes` BIGINT,
  `fingerprint` STRING,
  `aside` STRING,
  `collected` BOOLEAN,
  `passes_since_sweep` BIGINT,
  `run` STRING,
  `committed_at` TIMESTAMP,
  PRIMARY KEY (`task`, `generation`)
);
