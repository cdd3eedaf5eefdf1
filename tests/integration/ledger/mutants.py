"""Falsifications by somebody who may do anything, each with the promise that must notice."""

# ruff: noqa: E501, S608 - a mutant is a line of SQL, put together from constants

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from ledger.movements import HASHED_FIELDS
from tests.integration.ledger.refund_mutants import REFUND_MUTANTS
from tests.integration.ledger.warehouse_mutants import WAREHOUSE_MUTANTS


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A falsification by somebody who may do anything, and the promise that must notice."""

    caught_by: str
    story: str
    falsify: str


A_RESERVE = "(sku, location, sequence) IN (SELECT sku, location, sequence FROM movement WHERE kind = 'reserve' LIMIT 1)"
AN_ORDER = "(SELECT order_id FROM orders WHERE state = '{}' LIMIT 1)"
COPIED = ", ".join(HASHED_FIELDS)


def entry(**changed: str) -> str:
    """Write a further movement like a row's last one, but for these fields."""
    values = ", ".join(changed.get(name, f"m.{name}") for name in HASHED_FIELDS)
    return (
        f"INSERT INTO movement ({COPIED}, hash) SELECT {values}, m.hash"
        " FROM movement m JOIN stock s USING (sku, location, sequence) ORDER BY m.sequence DESC LIMIT 1"
    )


MUTANTS = [
    Mutant(caught_by="I01", story="a unit appears in a row", falsify="UPDATE stock SET sellable = sellable + 1, supply = supply - 1 WHERE sku = 'brass-lamp' AND location = 'BER1'"),
    Mutant(caught_by="I01", story="a movement is forgotten", falsify="DELETE FROM movement WHERE kind = 'receive' AND sequence = 1 AND sku = 'brass-lamp'"),
    Mutant(caught_by="I02", story="units were sold before they came", falsify="UPDATE movement SET sequence = sequence + 100000 WHERE kind = 'receive' AND sku = 'brass-lamp'"),
    Mutant(caught_by="I03", story="a number is left out", falsify="UPDATE movement SET sequence = sequence + 1 WHERE (sku, location, sequence) IN (SELECT sku, location, sequence FROM stock WHERE sequence > 0)"),
    Mutant(caught_by="I03", story="history is put in another order", falsify="UPDATE movement SET recorded_at = recorded_at - interval '1 day' WHERE sequence = 2"),
    Mutant(caught_by="I03", story="a row forgets its number", falsify="UPDATE stock SET sequence = sequence - 1 WHERE sequence > 1"),
    Mutant(caught_by="I04", story="an after-image is retouched", falsify="UPDATE movement SET sellable_after = sellable_after + 1 WHERE " + A_RESERVE),
    Mutant(caught_by="I04", story="a pause happened nowhere", falsify="UPDATE stock SET paused = '{operator}' WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I05", story="somebody else is said to have done it", falsify="UPDATE movement SET actor = 'nobody' WHERE " + A_RESERVE),
    Mutant(caught_by="I05", story="it is said to have happened earlier", falsify="UPDATE movement SET occurred_at = occurred_at - interval '1 microsecond' WHERE " + A_RESERVE),
    Mutant(caught_by="I05", story="a row hangs on another chain", falsify="UPDATE stock SET hash = sha256('x') WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I06", story="a release sells", falsify="UPDATE movement SET kind = 'confirm' WHERE (sku, location, sequence) IN (SELECT sku, location, sequence FROM movement WHERE kind = 'release' LIMIT 1)"),
    Mutant(caught_by="I06", story="a receipt of less than nothing", falsify="UPDATE movement SET quantity = -quantity, source = target, target = source WHERE kind = 'receive' AND sequence = 1"),
    Mutant(caught_by="I07", story="a key moved a row twice", falsify=entry(sequence="m.sequence + 1", operation_key="(SELECT operation_key FROM movement r WHERE (r.sku, r.location) = (m.sku, m.location) AND operation_key IS NOT NULL ORDER BY sequence LIMIT 1)", kind="(SELECT kind FROM movement r WHERE (r.sku, r.location) = (m.sku, m.location) AND operation_key IS NOT NULL ORDER BY sequence LIMIT 1)")),
    Mutant(caught_by="I07", story="a claim is left without an answer", falsify="INSERT INTO operation (key, fingerprint) VALUES ('reservation/co_x/1/reserve', '')"),
    Mutant(caught_by="I07", story="an operation is forgotten", falsify="DELETE FROM operation WHERE key = 'receipt/goods-1'"),
    Mutant(caught_by="I08", story="an open hold loses its units", falsify="UPDATE stock SET reserved = reserved - 1, sellable = sellable + 1 WHERE reserved > 0"),
    Mutant(caught_by="I08", story="an ended hold is opened again", falsify="UPDATE reservation SET state = 'held' WHERE reservation_id = (SELECT reservation_id FROM reservation_line JOIN reservation USING (reservation_id) WHERE state = 'confirmed' LIMIT 1)"),
    Mutant(caught_by="I09", story="more arrives than ever left", falsify="UPDATE stock SET transit = transit - 1, sellable = sellable + 1 WHERE sku = 'brass-lamp' AND location = 'MUC1'"),
    Mutant(caught_by="I10", story="a hold of two claims to be of one", falsify="UPDATE reservation_line SET quantity = quantity + 1 WHERE reservation_id = (SELECT reservation_id FROM reservation_line LIMIT 1)"),
    Mutant(caught_by="I10", story="a hold without lines", falsify="DELETE FROM reservation_line WHERE reservation_id = (SELECT reservation_id FROM reservation_line JOIN reservation USING (reservation_id) WHERE state = 'held' LIMIT 1)"),
    Mutant(caught_by="I10", story="a hold that took nothing", falsify="UPDATE reservation_line SET reservation_id = 'co_grave/1' WHERE reservation_id = (SELECT reservation_id FROM reservation_line LIMIT 1)"),
    Mutant(caught_by="I11", story="an expiry is called a release", falsify="UPDATE reservation SET state = 'released' WHERE state = 'expired'"),
    Mutant(caught_by="I11", story="a hold gave back twice", falsify="UPDATE movement SET cause_id = (SELECT cause_id FROM movement WHERE kind = 'release' LIMIT 1) WHERE kind = 'release' AND sku = 'brass-lamp'"),
    Mutant(caught_by="I12", story="a hold outlives its time", falsify="UPDATE reservation SET expires_at = now() - interval '31 minutes' WHERE state = 'held'"),
    Mutant(caught_by="I13", story="a commit never ends", falsify="UPDATE reservation_transition SET recorded_at = now() - interval '31 minutes' WHERE state = 'committing'"),
    Mutant(caught_by="I13", story="a commit never began", falsify="DELETE FROM reservation_transition WHERE state = 'committing'"),
    Mutant(caught_by="I16", story="money moved that nobody asked for", falsify="DELETE FROM payment_operation WHERE kind = 'refund'"),
    Mutant(caught_by="I16", story="a proved capture took nothing", falsify="UPDATE payment SET captured_minor = 0, refunded_minor = 0 WHERE captured_minor > 0"),
    Mutant(caught_by="I17", story="more is returned than was taken", falsify="UPDATE payment SET refunded_minor = captured_minor + 1 WHERE captured_minor > 0"),
    Mutant(caught_by="I17", story="more is taken than was allowed", falsify="UPDATE payment SET authorized_minor = captured_minor - 1 WHERE captured_minor > 0"),
    Mutant(caught_by="I18", story="a customer is charged twice", falsify="INSERT INTO payment_operation (key, checkout_id, kind, state, amount_minor, requested_at) SELECT key || '-again', checkout_id, kind, state, amount_minor, requested_at FROM payment_operation WHERE kind = 'capture'"),
    Mutant(caught_by="I22", story="the payment is in another currency", falsify="UPDATE payment SET currency = 'JPY'"),
    Mutant(caught_by="I22", story="a line is lost from a checkout", falsify="DELETE FROM checkout_line WHERE checkout_id = 'co_1'"),
    Mutant(caught_by="I23", story="paid, and out of stock", falsify="UPDATE checkout SET status = 'out_of_stock' WHERE status = 'confirmed'"),
    Mutant(caught_by="I23", story="the checkout and its payment tell different stories", falsify="UPDATE payment SET state = 'voided' WHERE state = 'captured'"),
    Mutant(caught_by="I23", story="the checkout and its order tell different stories", falsify="UPDATE orders SET state = 'shipped' WHERE state = 'placed'"),
    Mutant(caught_by="I25", story="an event contradicts one that nobody has", falsify="INSERT INTO webhook_conflict (provider, event_id, kind, body_sha256) VALUES ('stripe', 'evt_lost', 'x', 'aa')"),
    Mutant(caught_by="I25", story="an event contradicts itself", falsify="WITH first AS (INSERT INTO webhook_event (provider, event_id, kind, body_sha256) VALUES ('stripe', 'evt_same', 'x', 'aa') RETURNING *) INSERT INTO webhook_conflict (provider, event_id, kind, body_sha256) SELECT provider, event_id, kind, body_sha256 FROM first"),
    Mutant(caught_by="I27", story="a movement left no word", falsify="DELETE FROM outbox WHERE type = 'StockReserved'"),
    Mutant(caught_by="I27", story="an event of nothing", falsify="INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at) VALUES ('brass-lamp/BER1', 99999, 0, 'StockReceived', '{}', now())"),
    Mutant(caught_by="I27", story="an event tells another number", falsify="UPDATE outbox SET payload = jsonb_set(payload::jsonb, '{available}', '999')::json WHERE type = 'StockReceived'"),
    Mutant(caught_by="I27", story="more is missing than was pruned", falsify="WITH mark AS (UPDATE outbox_pruned SET before = (SELECT min(recorded_at) FROM movement)) DELETE FROM outbox WHERE type = 'OrderConfirmed'"),
    Mutant(caught_by="I28", story="an event is passed over", falsify="UPDATE outbox SET published_at = now() WHERE sequence = 2"),
    Mutant(caught_by="I29", story="an event waits and waits", falsify="UPDATE outbox SET recorded_at = recorded_at - interval '1 hour', published_at = CASE WHEN subject = 'brass-lamp/BER1' THEN NULL ELSE now() END"),
    Mutant(caught_by="I31", story="the catalogue shows one too many", falsify="UPDATE projections.availability SET available = available + 1 WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I31", story="the catalogue shows what never was", falsify="UPDATE projections.availability SET sequence = sequence + 100000 WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I32", story="the catalogue stands still", falsify="WITH gone_out AS (UPDATE outbox SET published_at = now() - interval '1 hour') UPDATE projections.availability SET sequence = sequence - 1 WHERE sequence > 1"),
    Mutant(caught_by="I32", story="the catalogue never heard of a row", falsify="WITH gone_out AS (UPDATE outbox SET published_at = now() - interval '1 hour') DELETE FROM projections.availability WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I32", story="the board stands still", falsify="WITH gone_out AS (UPDATE outbox SET published_at = now() - interval '1 hour') UPDATE projections.board_watermark SET sequence = sequence - 1 WHERE sequence > 1"),
    Mutant(caught_by="I32", story="analytics stand still", falsify="WITH gone_out AS (UPDATE outbox SET published_at = now() - interval '1 hour') UPDATE projections.analytics_watermark SET sequence = sequence - 1 WHERE sequence > 1"),
    Mutant(caught_by="I33", story="a letter lies about", falsify="INSERT INTO projections.dead_letter (projection, generation, position, topic, subject, code, body, attempts, state, first_at) SELECT projection, generation, 1, '', 'brass-lamp/BER1', 'no-event', '', 3, 'open', now() - interval '1 day' FROM projections.generation WHERE state = 'live'"),
    Mutant(caught_by="I63", story="the board wants one more picked", falsify="UPDATE projections.board_task SET quantity = quantity + 1 WHERE task = 'pick'"),
    Mutant(caught_by="I63", story="the board forgets returns", falsify="DELETE FROM projections.board_task WHERE task = 'inspect'"),
    Mutant(caught_by="I63", story="the board counted what never was", falsify="UPDATE projections.board_watermark SET sequence = sequence + 100000"),
    Mutant(caught_by="I64", story="analytics count a sale twice", falsify="UPDATE projections.analytics_hour SET sold = sold * 2 WHERE sold > 0"),
    Mutant(caught_by="I64", story="analytics lose an hour", falsify="DELETE FROM projections.analytics_hour"),
    Mutant(caught_by="I64", story="analytics see more on hand", falsify="UPDATE projections.analytics_hour SET on_hand = on_hand + 1"),
    Mutant(caught_by="I37", story="a checkout that nobody opened", falsify="DELETE FROM operation WHERE key = 'checkout/co_1/open'"),
    Mutant(caught_by="I37", story="an opened checkout is gone", falsify="INSERT INTO operation (key, fingerprint, outcome) VALUES ('checkout/co_lost/open', '', '{\"accepted\": {}}')"),
    Mutant(caught_by="I38", story="the application may rewrite history", falsify="GRANT UPDATE ON movement TO onhand_application"),
    Mutant(caught_by="I38", story="everybody may empty a table", falsify="GRANT TRUNCATE ON stock TO PUBLIC"),
    Mutant(caught_by="I38", story="the application may delete", falsify="GRANT DELETE ON checkout TO onhand"),
    Mutant(caught_by="I38", story="the application owns a table", falsify="ALTER TABLE movement OWNER TO onhand"),
    Mutant(caught_by="I39", story="a guard is switched off", falsify="ALTER TABLE movement DISABLE TRIGGER movement_no_truncate"),
    Mutant(caught_by="I39", story="a guard lets replicas pass", falsify="ALTER TABLE movement ENABLE TRIGGER movement_no_rewrite"),
    Mutant(caught_by="I39", story="a guard is gone", falsify="DROP TRIGGER operation_keeps_answers ON operation"),
    Mutant(caught_by="I40", story="commits are not waited for", falsify="SET LOCAL synchronous_commit = off"),
    Mutant(caught_by="I41", story="a cancelled order kept its units", falsify="UPDATE orders SET state = 'cancelled' WHERE order_id = " + AN_ORDER.format("placed")),
    Mutant(caught_by="I41", story="a living order gave back", falsify="UPDATE orders SET state = 'placed' WHERE order_id = " + AN_ORDER.format("cancelled")),
    Mutant(caught_by="I42", story="a total is off by one", falsify="UPDATE stock SET total_sold = total_sold + 1 WHERE sku = 'brass-lamp'"),
    Mutant(caught_by="I43", story="a change of a hold is forgotten", falsify="DELETE FROM reservation_transition WHERE state = 'expired'"),
]  # fmt: skip
MUTANTS += [
    Mutant(caught_by=name, story=story, falsify=falsify)
    for name, story, falsify in [*WAREHOUSE_MUTANTS, *REFUND_MUTANTS]
]


def disarm(connection: psycopg.Connection[psycopg.rows.TupleRow]) -> None:
    """Take every constraint and guard away, for this transaction."""
    connection.execute(
        """
        DO $$
        DECLARE found record;
        BEGIN
          FOR found IN
            SELECT conrelid::regclass AS place, conname FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p')
            ORDER BY contype = 'p'
          LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', found.place, found.conname);
          END LOOP;
          FOR found IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', found.place, found.tgname);
          END LOOP;
          DROP INDEX checkout_one_live_per_cart, payment_operation_one_capture;
        END $$
        """
    )
