-- What the application may do with what is new.

GRANT SELECT ON order_line, returns, return_line, inspection_line, transfer, transfer_line, document,
  review, note TO onhand_application;

GRANT INSERT ON returns, inspection_line, transfer, note TO onhand_application;

-- They are locked and never changed; a lock asks for the right to update something.
GRANT UPDATE (recorded_at) ON returns, transfer TO onhand_application;

GRANT INSERT, UPDATE ON order_line, return_line, transfer_line, document, review TO onhand_application;
