"""The truth: stock, movements, reservations, checkouts and orders in Postgres, behind one write path.

The ledger knows neither Temporal nor HTTP nor the bus. Nothing here reads a setting or a wall clock.
"""
