"""A bus that is away for a night is asked ever more rarely, and never too rarely."""

from __future__ import annotations

from events.jetstream import JetStreamBus
from events.relay import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Relay
from ledger.database import engine
from ledger.outgoing import Outbox


def test_pauses_grow_to_a_limit_and_stay_there() -> None:
    """However often it was missed: four hours are a thousand times."""
    outbox = Outbox(engine("postgresql://nobody@127.0.0.1/nowhere"))
    relay = Relay(outbox, JetStreamBus("nats://127.0.0.1:1"))

    pauses = [relay._pause() for _ in range(2_000)]

    assert FIRST_PAUSE_SECONDS / 2 <= pauses[0] <= FIRST_PAUSE_SECONDS
    assert all(pause <= LONGEST_PAUSE_SECONDS for pause in pauses)
    assert all(pause >= LONGEST_PAUSE_SECONDS / 2 for pause in pauses[10:])
