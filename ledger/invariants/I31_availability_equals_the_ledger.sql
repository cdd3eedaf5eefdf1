-- What the catalogue shows of a sku and location is what the ledger had there at the shown sequence.
SELECT a.sku, a.location, a.sequence, a.available
FROM projections.availability a
JOIN projections.generation g ON (g.projection, g.generation, g.state) = ('availability', a.generation, 'live')
LEFT JOIN movement m ON (m.sku, m.location, m.sequence) = (a.sku, a.location, a.sequence)
WHERE a.available IS DISTINCT FROM m.sellable_after
      - CASE WHEN cardinality(m.paused_after) > 0 THEN m.sellable_after
             ELSE least(m.safety_stock_after + m.feed_buffer_after, m.sellable_after) END
