-- Every operation key is answered, and moved a row at most once by each kind.
SELECT key, 'not answered' AS fault FROM operation WHERE outcome IS NULL
UNION ALL
SELECT m.operation_key, 'not stored'
FROM movement m
LEFT JOIN operation o ON o.key = m.operation_key
WHERE m.operation_key IS NOT NULL AND o.key IS NULL
UNION ALL
SELECT operation_key, 'acted twice'
FROM movement
WHERE operation_key IS NOT NULL
GROUP BY operation_key, sku, location, kind
HAVING count(*) > 1
