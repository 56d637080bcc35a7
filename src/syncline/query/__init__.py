"""SQL in, a plan out, and the plan run through DuckDB."""
