-- Names a cart's checkout of a round; as random as the real ones, and as long.
CREATE FUNCTION pg_temp.grown_checkout(cart integer, number integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT 'co_' || left(md5(cart || '/' || number), 26)
$$
