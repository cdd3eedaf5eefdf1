-- A checkout's states are those of its newest reservation, its payment and its order, and go together as the contract's table says.
SELECT c.checkout_id, c.status, c.reservation_state, c.payment_state, c.order_state
FROM checkout c
LEFT JOIN reservation r ON r.reservation_id = c.checkout_id || '/' || c.ordinal
LEFT JOIN payment p ON p.checkout_id = c.checkout_id
LEFT JOIN orders o ON o.order_id = c.checkout_id
WHERE c.reservation_state <> COALESCE(r.state, 'none')
   OR c.payment_state <> COALESCE(p.state, 'none')
   OR c.order_state <> COALESCE(o.state, 'none')
   OR NOT CASE c.status
     WHEN 'reserving' THEN c.reservation_state IN ('none', 'held') AND c.payment_state = 'none'
     WHEN 'out_of_stock' THEN (c.reservation_state, c.payment_state) = ('none', 'none')
     WHEN 'limit_exceeded' THEN (c.reservation_state, c.payment_state) = ('none', 'none')
     WHEN 'awaiting_payment' THEN c.reservation_state = 'held'
       AND c.payment_state IN ('requires_payment', 'processing', 'authorized', 'captured')
     WHEN 'committing' THEN c.reservation_state = 'committing'
       AND c.payment_state IN ('authorized', 'capturing', 'unknown', 'captured')
     WHEN 'confirmed' THEN c.reservation_state = 'confirmed'
       AND c.payment_state IN ('captured', 'refunding', 'refunded')
     WHEN 'declined' THEN c.reservation_state IN ('none', 'released')
       AND c.payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
     WHEN 'cancelled' THEN c.reservation_state IN ('none', 'released')
       AND c.payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
     WHEN 'expired' THEN c.reservation_state IN ('none', 'expired')
       AND c.payment_state IN ('none', 'requires_payment', 'processing', 'authorized', 'failed', 'voiding', 'voided')
     WHEN 'refund_pending' THEN c.reservation_state IN ('released', 'expired', 'confirmed')
       AND c.payment_state IN ('captured', 'unknown', 'refunding', 'refunded')
     WHEN 'refunded' THEN c.reservation_state IN ('released', 'expired', 'confirmed')
       AND c.payment_state IN ('captured', 'unknown', 'refunding', 'refunded')
     WHEN 'needs_review' THEN true
     ELSE false
   END
   OR NOT CASE
     WHEN c.status = 'confirmed' THEN c.order_state NOT IN ('none', 'cancelled')
     WHEN c.status IN ('refund_pending', 'refunded') THEN c.order_state IN ('none', 'cancelled')
     WHEN c.status = 'needs_review' THEN true
     ELSE c.order_state = 'none'
   END
