"""Every state that a checkout was ever in, noted by the database itself: what came and went between two looks, too."""

from __future__ import annotations

from ledger.checkouts import PaymentState
from tests.copies import Database
from tests.integration.worker.faults.customers import Customer
from worker.starting import described
from workflows.starting import recovery_workflow_id

_LAID = """
CREATE SCHEMA trail;
CREATE TABLE trail.checkout AS SELECT *, 0::bigint AS place FROM public.checkout WHERE false;
CREATE SEQUENCE trail.places;
CREATE FUNCTION trail.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO trail.checkout SELECT NEW.*, nextval('trail.places');
  RETURN NEW;
END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON public.checkout
  FOR EACH ROW EXECUTE FUNCTION trail.note();
"""

_STATES = """
SELECT status, payment_state FROM trail.checkout WHERE checkout_id = %s ORDER BY place
"""

_EXTENSIONS = "SELECT coalesce(max(extension), 0) FROM reservation WHERE checkout_id = %s"

_REAPED = """
SELECT count(*) FROM reservation_transition
WHERE reservation_id = %s AND state = 'expired' AND actor = 'reaper'
"""

_ASKED_TWICE = (
    "SELECT count(*) FROM webhook_event WHERE position(%s IN event_id) > 0 AND attempts > 1"
)

RARE = (
    *("confirmed", "declined", "expired", "cancelled", "out_of_stock", "refunded"),
    *("recovered", "reaped", "extended", "sold though paid late", "given back since paid late"),
    *("unknown, then captured", "refund owed, then paid", "a stray payment given back"),
    "webhook brought more than once",
)
"""Each must have been reached: a run that never came there has shown nothing about it."""


def lay(database: Database) -> None:
    """Have every change of a checkout noted from here on."""
    database.superuser.execute(_LAID)


async def rare_states(checkout: Customer) -> set[str]:
    """Name the rare states that a checkout has been in."""
    database, client = checkout.shop.database, checkout.shop.client
    states = database.rows(_STATES, checkout.id)
    payments = [payment for _, payment in states]
    row, reservations = checkout.row(), checkout.reservations()
    recovered = await described(client, recovery_workflow_id(checkout.id))
    second = [state for number, state in reservations if number == "2"]
    late = row["status"] == "expired" and PaymentState.AUTHORIZED in payments
    found = {
        row["status"]: True,
        "recovered": recovered is not None,
        "reaped": bool(database.value(_REAPED, f"{checkout.id}/1")),
        "extended": bool(database.value(_EXTENSIONS, checkout.id)),
        "sold though paid late": second == ["confirmed"],
        "given back since paid late": late,
        "unknown, then captured": _then(payments, "unknown", "captured"),
        "refund owed, then paid": _then(payments, "refunding", "refunded"),
        "a stray payment given back": bool(checkout.strays),
        "webhook brought more than once": bool(database.value(_ASKED_TWICE, checkout.id)),
    }
    return {state for state, so in found.items() if so} & set(RARE)


def _then(states: list[str], first: str, last: str) -> bool:
    return first in states and last in states[states.index(first) :]
