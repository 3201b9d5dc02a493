-- Every object and setting of the extension.  test/lint/docs.sh compares the result with docs/SQL.md.
\pset tuples_only on
\pset format unaligned
\set SHOW_CONTEXT never
SELECT 'function ' || n.nspname || '.' || p.proname || '(' ||
       regexp_replace(pg_get_function_identity_arguments(p.oid), '(^|, )OUT .*', '') || ')'
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'tsdb'
JOIN pg_proc p ON p.oid = d.objid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C";
SELECT 'column tsdb.' || p.proname || '.' || a.name || ' ' || format_type(a.type, NULL)
FROM pg_proc p, unnest(p.proargnames, p.proargmodes, p.proallargtypes) WITH ORDINALITY a (name, mode, type, position)
WHERE p.pronamespace = 'tsdb'::regnamespace AND a.mode IN ('o', 't')
ORDER BY p.proname COLLATE "C", a.position;
SELECT 'view tsdb.' || relname FROM pg_class
WHERE relnamespace = 'tsdb'::regnamespace AND relkind = 'v' ORDER BY relname COLLATE "C";
SELECT 'column tsdb.' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'tsdb'::regnamespace AND c.relkind = 'v' ORDER BY c.relname COLLATE "C", a.attnum;
SELECT 'type tsdb.' || typname FROM pg_type
WHERE typnamespace = 'tsdb'::regnamespace AND typtype <> 'c' AND typelem = 0 ORDER BY typname COLLATE "C";
SELECT 'access method ' || amname FROM pg_am WHERE amname LIKE 'tsdb%' ORDER BY amname COLLATE "C";
SELECT 'setting ' || name FROM pg_settings WHERE name LIKE 'tsdb.%' ORDER BY name COLLATE "C";
-- Everything in schema tsdb belongs to the extension.
SELECT 'stray ' || relname FROM pg_class c
WHERE relnamespace = 'tsdb'::regnamespace AND relkind <> 'i'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e');
SELECT 'stray ' || proname FROM pg_proc p
WHERE pronamespace = 'tsdb'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e');
-- What PUBLIC may do: look at the views.
SELECT 'granted ' || c.relname || ' ' || privilege_type
FROM pg_class c, aclexplode(c.relacl) WHERE relnamespace = 'tsdb'::regnamespace AND grantee = 0 ORDER BY c.relname COLLATE "C";
-- The message lists the options of a table.
CREATE TABLE refused (time timestamptz) USING tsdb WITH (nosuch = 1, tags = '', sample_interval = '1s');
