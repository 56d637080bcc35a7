SELECT * FROM [law].[Matters] WHERE [ready] = 1;
