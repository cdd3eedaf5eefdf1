"""A webhook secret is changed while events come in: none is lost, and the old one is worth nothing afterwards."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter

from payments.webhooks import sign
from tests.copies import Database
from tests.integration.api.front_door import FrontDoor, open_front_door
from tests.integration.api.test_webhook_inbox import deliver, event

OLD, NEW, FORGED = "whsec_of_yesterday", "whsec_of_today", "whsec_of_nobody"
EVENTS = 60
AT_ONCE = 8
BUSY = 503


def signed_by(body: bytes, *secrets: str) -> dict[str, str]:
    """Sign it with each of them, as the provider does while a secret is rolled."""
    moment = int(time.time())
    proofs = [sign(f"{moment}.".encode() + body, secret).decode() for secret in secrets]
    claims = ",".join(f"v1={proof}" for proof in proofs)
    return {"Stripe-Signature": f"t={moment},{claims}", "Content-Type": "application/json"}


async def sent(door: FrontDoor, body: bytes, places: asyncio.Semaphore, *secrets: str) -> int:
    """Send an event, and again while the inbox is busy, as the provider does; give the last answer."""
    while True:
        async with places:
            answer = await deliver(door, body, signed_by(body, *secrets))
        if answer.status_code != BUSY:
            return int(answer.status_code)


async def storm(door: FrontDoor, phase: str) -> dict[str, Counter[int]]:
    """Send many events at once, signed by the old secret, the new one, both, or somebody else's."""
    signers = {"old": (OLD,), "new": (NEW,), "both": (OLD, NEW), "forged": (FORGED,)}
    places = asyncio.Semaphore(AT_ONCE)

    async def send(number: int, who: str) -> tuple[str, int]:
        body = event(f"evt_{phase}_{who}_{number}")
        return who, await sent(door, body, places, *signers[who])

    numbered = itertools.islice(itertools.cycle(signers), EVENTS * len(signers))
    answers = await asyncio.gather(*(send(n, who) for n, who in enumerate(numbered)))
    return {who: Counter(status for name, status in answers if name == who) for who in signers}


def stored(database: Database, phase: str) -> Counter[str]:
    """Count the events of a phase that are in the inbox, by who signed them."""
    query = "SELECT split_part(event_id, '_', 3) FROM webhook_event WHERE event_id LIKE %s"
    return Counter(str(who) for (who,) in database.rows(query, f"evt\\_{phase}\\_%"))


async def test_a_secret_is_rotated_under_load_without_losing_an_event(database: Database) -> None:
    """The API is restarted with the old secret, with both, and with the new one, over one database."""
    all_of, none_of = Counter({200: EVENTS}), Counter({400: EVENTS})
    phases = {
        "before": ((OLD,), {"old": all_of, "new": none_of, "both": all_of, "forged": none_of}),
        "overlap": ((NEW, OLD), {"old": all_of, "new": all_of, "both": all_of, "forged": none_of}),
        "after": ((NEW,), {"old": none_of, "new": all_of, "both": all_of, "forged": none_of}),
    }
    for phase, (secrets, expected) in phases.items():
        url = database.application_url
        async with open_front_door(url, webhook_secrets=secrets) as door:
            assert await storm(door, phase) == expected, phase
        kept = {who: EVENTS for who, answers in expected.items() if answers == all_of}
        assert stored(database, phase) == kept, phase


async def test_replicas_with_either_secret_lose_nothing_during_the_overlap(
    database: Database,
) -> None:
    """While one replica still knows only the old secret, what it refuses is repeated and another one takes it."""
    url, places = database.application_url, asyncio.Semaphore(AT_ONCE)
    async with (
        open_front_door(url, webhook_secrets=(OLD,)) as behind,
        open_front_door(url, webhook_secrets=(NEW, OLD)) as ahead,
    ):
        by_new = [event(f"evt_repeated_new_{n}") for n in range(EVENTS)]
        first, second = [
            set(await asyncio.gather(*(sent(door, body, places, NEW) for body in by_new)))
            for door in (behind, ahead)
        ]
    assert (first, second) == ({400}, {200})
    assert stored(database, "repeated") == {"new": EVENTS}
