-- Where an event said that money was taken and was acted on, the payment shows it as taken, or it was nobody's of ours.
SELECT e.provider, e.event_id, e.payment_intent, e.disposition
FROM webhook_event e
LEFT JOIN payment p ON p.payment_intent = e.payment_intent
WHERE e.kind = 'payment_intent.succeeded'
  AND e.disposition NOT IN ('unknown-payment', 'stray-given-back')
  AND p.captured_minor > 0 IS NOT TRUE
