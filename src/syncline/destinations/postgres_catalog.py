"""Questions to PostgreSQL's catalog: a table's columns, and what hangs on the table."""

from sqlglot import exp


def columns_query(table: exp.Table, default: str) -> str:
    """Return the query for a table's columns; a row without a name says that there are none."""
    name, schema = _literal(table.name), _literal(table.db or default)
    # A temporary table hides one of the default schema, as it does in every other statement.
    spaces = f"n.nspname = {schema}"
    if not table.db:
        spaces = f"({spaces} OR n.oid = pg_my_temp_schema())"
    # What belongs to another role cannot get an index from us: it counts as having one.
    return f"""
        SELECT a.attname::text AS name, coalesce(b.typname, t.typname)::text AS kind,
               CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
               a.attnotnull OR t.typnotnull AS required,
               CASE WHEN a.attidentity <> '' THEN 'identity'
                    WHEN a.attgenerated <> '' THEN 'expression'
                    WHEN a.atthasdef OR t.typdefault IS NOT NULL THEN 'default'
                    ELSE '' END AS made_by,
               found.cannot_be OR EXISTS (
                   SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = found.oid
                   AND i.indkey[0] = a.attnum AND i.indpred IS NULL) AS indexed
        FROM (SELECT c.oid, NOT pg_has_role(c.relowner, 'USAGE') AS cannot_be
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE {spaces} AND c.relname = {name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
              ORDER BY n.nspname = {schema} LIMIT 1) AS found
        LEFT JOIN pg_catalog.pg_attribute a
               ON a.attrelid = found.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
        ORDER BY a.attnum"""  # noqa: S608 (both names are literals)


def attached_query(table: exp.Table) -> str:
    """Return the query for what hangs on a table: what dropping it would lose, or what forbids it.

    Lists of columns are texts of JSON.
    """
    names = f"n.nspname = {_literal(table.db)} AND c.relname = {_literal(table.name)}"
    parts = (f"SELECT {_NAMES} FROM ({query}) AS q" for query in _ATTACHED)  # noqa: S608 (ours)
    return f"{_WITH} WHERE {names} AND c.relkind IN ('r', 'p', 'f')) {' UNION ALL '.join(parts)}"


_WITH = """
    WITH it AS (
        SELECT c.* , (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) AS me
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        """
_NAMES = 'kind, name, columns, is_unique AS "unique", plain, schema, "table", referenced'
_NO_KEY = """NULL::text AS columns, false AS is_unique, false AS plain, NULL::text AS schema,
    NULL::text AS "table", NULL::text AS referenced"""


def _simple(kind: str, name: str, source: str) -> str:
    return f"SELECT '{kind}' AS kind, {name}::text AS name, {_NO_KEY} FROM it {source}"  # noqa: S608 (ours)


def _columns_of(numbers: str, table: str) -> str:
    return f"""(SELECT json_agg(a.attname ORDER BY u.n)::text
        FROM unnest({numbers}) WITH ORDINALITY AS u(number, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = {table} AND a.attnum = u.number)"""  # noqa: S608 (ours)


#: An index is as ours are if it has no order, class, collation or storage of its own.
_INDEXES = f"""
    SELECT CASE WHEN i.indisprimary THEN 'primary key' WHEN i.indisunique THEN 'unique index'
                ELSE 'index' END AS kind, x.relname::text AS name,
           CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL
                THEN {_columns_of("(i.indkey::int2[])[0:i.indnkeyatts - 1]", "i.indrelid")}
           END AS columns,
           i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AS is_unique,
           NOT (i.indisunique OR i.indisclustered OR i.indisreplident OR i.indisexclusion)
           AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts
           AND x.reloptions IS NULL AND x.reltablespace = 0
           AND 0 = ALL (i.indoption::int2[]) AND m.amname IN ('btree', 'hash')
           AND NOT EXISTS (
               SELECT 1 FROM pg_catalog.pg_opclass o
               WHERE o.oid = ANY (i.indclass::oid[]) AND NOT o.opcdefault)
           AND pg_catalog.obj_description(x.oid, 'pg_class') IS NULL AS plain,
           NULL::text AS schema, NULL::text AS "table", NULL::text AS referenced
    FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_am m ON m.oid = x.relam"""  # noqa: S608 (ours)
_FOREIGN_KEYS = f"""
    SELECT 'foreign key' AS kind, k.conname::text AS name,
           {_columns_of("k.conkey", "k.conrelid")} AS columns,
           false AS is_unique, false AS plain,
           CASE WHEN k.confmatchtype = 's' THEN n.nspname::text END AS schema,
           CASE WHEN k.confmatchtype = 's' THEN c.relname::text END AS "table",
           {_columns_of("k.confkey", "k.confrelid")} AS referenced
    FROM it JOIN pg_catalog.pg_constraint k ON k.conrelid = it.oid AND k.contype = 'f'
    JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"""  # noqa: S608 (ours)
#: Rights that a new table of ours would have anyway are not lost.
_RIGHTS = """
    WHERE EXISTS (
        SELECT r.grantee, r.privilege_type, r.is_grantable
        FROM pg_catalog.aclexplode(it.relacl) AS r WHERE r.grantee <> it.relowner
        EXCEPT
        SELECT r.grantee, r.privilege_type, r.is_grantable
        FROM pg_catalog.pg_default_acl d CROSS JOIN pg_catalog.aclexplode(d.defaclacl) AS r
        WHERE d.defaclrole = it.me AND d.defaclobjtype = 'r'
        AND d.defaclnamespace IN (0, it.relnamespace))
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = it.oid AND a.attacl IS NOT NULL)"""
_ATTACHED = (
    _INDEXES,
    _FOREIGN_KEYS,
    _simple("constraint", "k.conname", """JOIN pg_catalog.pg_constraint k
        ON k.conrelid = it.oid AND k.contype IN ('c', 'x')"""),
    _simple("reference", "k.conname", """JOIN pg_catalog.pg_constraint k
        ON k.confrelid = it.oid AND k.conrelid <> it.oid AND k.contype = 'f'"""),
    _simple("trigger", "g.tgname", """JOIN pg_catalog.pg_trigger g
        ON g.tgrelid = it.oid AND NOT g.tgisinternal"""),
    _simple("rule", "r.rulename", """JOIN pg_catalog.pg_rewrite r
        ON r.ev_class = it.oid AND r.rulename <> '_RETURN'"""),
    _simple("policy", "p.polname", "JOIN pg_catalog.pg_policy p ON p.polrelid = it.oid"),
    _simple("row-level security", "''", "WHERE it.relrowsecurity OR it.relforcerowsecurity"),
    _simple("grants", "''", _RIGHTS),
    _simple("owner", "pg_catalog.pg_get_userbyid(it.relowner)", "WHERE it.relowner <> it.me"),
    _simple("comments", "''", """WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_description d
        WHERE d.objoid = it.oid AND d.classoid = 'pg_catalog.pg_class'::regclass)"""),
    _simple("view", "v.relname", """JOIN (
        SELECT DISTINCT r.ev_class, d.refobjid FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.refclassid = 'pg_catalog.pg_class'::regclass) AS u
        ON u.refobjid = it.oid AND u.ev_class <> it.oid
        JOIN pg_catalog.pg_class v ON v.oid = u.ev_class"""),
    _simple("function", "p.proname", """JOIN pg_catalog.pg_depend d ON d.deptype = 'n'
        AND d.classid = 'pg_catalog.pg_proc'::regclass
        AND ((d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = it.oid)
             OR (d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = it.reltype))
        JOIN pg_catalog.pg_proc p ON p.oid = d.objid"""),
    _simple("publication", "p.pubname", """JOIN pg_catalog.pg_publication_rel r
        ON r.prrelid = it.oid JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"""),
    _simple("statistics", "s.stxname", """JOIN pg_catalog.pg_statistic_ext s
        ON s.stxrelid = it.oid"""),
    _simple("partitions", "''", """WHERE it.relkind <> 'r' OR it.relispartition
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i
                   WHERE it.oid IN (i.inhparent, i.inhrelid))"""),
    _simple("storage settings", "''", """WHERE it.reloptions IS NOT NULL
        OR it.relpersistence = 'u' OR it.reltablespace <> 0"""),
)  # fmt: skip


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql(dialect="postgres")
