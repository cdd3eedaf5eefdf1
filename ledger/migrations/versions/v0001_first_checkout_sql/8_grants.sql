-- What the application may do.

REVOKE ALL ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO onhand_application;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO onhand_application;

GRANT INSERT ON movement, reservation_transition, checkout_line, reservation_line
  TO onhand_application;

GRANT INSERT, UPDATE ON product, location, stock, checkout, reservation, orders, payment,
  payment_operation, webhook_event, outbox TO onhand_application;

-- DELETE only takes back the claim of a refused command; the trigger keeps every answer.
GRANT INSERT, UPDATE, DELETE ON operation TO onhand_application;
