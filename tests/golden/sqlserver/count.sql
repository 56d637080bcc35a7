SELECT COUNT_BIG(*) AS n FROM [law].[Matters] WHERE [_deleted_at] IS NULL;
