-- Last, since it is waited for the longest.

-- What the look at refusals reads: the newest, whatever the table grows to.
-- Not CONCURRENTLY, which no transaction may do: one reading, while no checkout begins.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX checkout_out_of_stock ON checkout (updated_at, checkout_id) WHERE status = 'out_of_stock';
