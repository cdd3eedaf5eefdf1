-- Over a sku's locations, what travels is never fewer than no units.
SELECT sku, sum(transit) AS travelling FROM stock GROUP BY sku HAVING sum(transit) < 0
