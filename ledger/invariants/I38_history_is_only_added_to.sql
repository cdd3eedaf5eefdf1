-- Nobody but an owner may do more to the history than read it and add to it, and the application owns nothing.
SELECT g.table_name, g.grantee, g.privilege_type
FROM information_schema.role_table_grants g
JOIN pg_tables t ON t.schemaname = g.table_schema AND t.tablename = g.table_name
WHERE g.table_schema = 'public'
  AND g.grantee <> t.tableowner
  AND (g.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
       OR (g.table_name IN ('movement', 'reservation_transition') AND g.privilege_type IN ('UPDATE', 'DELETE'))
       OR (g.table_name <> 'operation' AND g.privilege_type = 'DELETE'))
UNION ALL
SELECT c.relname, pg_get_userbyid(c.relowner), 'OWNER'
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND (pg_get_userbyid(c.relowner) = 'onhand_application'
       OR pg_get_userbyid(c.relowner) IN (
         SELECT pg_get_userbyid(m.member) FROM pg_auth_members m
         WHERE m.roleid = 'onhand_application'::regrole
           AND NOT pg_has_role(m.member, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER')))
