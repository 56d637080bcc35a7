SELECT MAX(DATALENGTH([name]) / 2) FROM [law].[_syncline_stage_1];
