SELECT CASE WHEN i.is_primary_key = 1 THEN N'primary key' WHEN i.is_unique = 1 THEN N'unique index' ELSE N'index' END AS [kind], i.name AS [name], CASE WHEN i.has_filter = 0 THEN c.name END AS [column], k.key_ordinal AS [place], CASE WHEN i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 THEN 1 ELSE 0 END AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.indexes AS i LEFT JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.key_ordinal > 0 LEFT JOIN sys.columns AS c ON c.object_id = i.object_id AND c.column_id = k.column_id WHERE i.object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND i.index_id > 0 AND i.name NOT IN (N'_syncline_key', N'_syncline_columns')
UNION ALL
SELECT N'foreign key' AS [kind], f.name AS [name], c.name AS [column], k.constraint_column_id AS [place], 0 AS [is_unique], CASE WHEN f.is_disabled = 0 THEN OBJECT_SCHEMA_NAME(f.referenced_object_id) END AS [schema], CASE WHEN f.is_disabled = 0 THEN OBJECT_NAME(f.referenced_object_id) END AS [table], r.name AS [referenced] FROM sys.foreign_keys AS f JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id JOIN sys.columns AS r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id WHERE f.parent_object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'constraint' AS [kind], name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'reference' AS [kind], name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.foreign_keys WHERE referenced_object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND parent_object_id <> OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'trigger' AS [kind], name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.triggers WHERE parent_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'schema-bound object' AS [kind], o.name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.sql_expression_dependencies AS d JOIN sys.objects AS o ON o.object_id = d.referencing_id WHERE d.referenced_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND d.is_schema_bound_reference = 1 AND RTRIM(o.type) IN ('V', 'FN', 'IF', 'TF', 'P', 'TR')
UNION ALL
SELECT N'grants' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.database_permissions WHERE class = 1 AND major_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'security policy' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.security_predicates WHERE target_object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'comments' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.extended_properties WHERE class = 1 AND major_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'change tracking' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'statistics' AS [kind], name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.stats WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND user_created = 1
UNION ALL
SELECT N'full-text index' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.fulltext_indexes WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]')
UNION ALL
SELECT N'data masking' AS [kind], name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.columns WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND is_masked = 1
UNION ALL
SELECT N'partitions' AS [kind], p.name AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.indexes AS i JOIN sys.partition_schemes AS p ON p.data_space_id = i.data_space_id WHERE i.object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND i.index_id < 2
UNION ALL
SELECT N'replication, change data capture, history or memory' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.tables WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND (is_replicated = 1 OR is_published = 1 OR is_tracked_by_cdc = 1 OR temporal_type <> 0 OR is_memory_optimized = 1)
UNION ALL
SELECT N'owner' AS [kind], NULL AS [name], NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] FROM sys.objects WHERE object_id = OBJECT_ID(N'[my sch]]ema].[it''s [a]] "b".c]') AND principal_id IS NOT NULL ORDER BY [kind], [name], [place];
