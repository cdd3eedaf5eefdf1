"""The ledger over real Postgres, beside a model: the same answers and the same rows after every step."""

from __future__ import annotations

import pytest

from tests.proof import FULL, size
from tests.simulation.ground import MakeGround
from tests.simulation.machine import live, lives
from tests.simulation.outcomes import MUST_HAVE

LIVES = size(share=80, full=2_000)
STEPS = size(share=45, full=50)


@pytest.mark.proof
@pytest.mark.timeout(size(share=900, full=9_000))  # a failure takes minutes to be made small
def test_the_ledger_does_what_the_model_says(make_ground: MakeGround) -> None:
    """Other lives in every run; of two thousand, some come to every place worth seeing."""
    reached = live(make_ground, lives(LIVES, STEPS))
    for outcome, times in sorted(reached.items()):
        print(f"{times:9,} {outcome}")
    if FULL:
        assert set(reached) >= MUST_HAVE, MUST_HAVE - set(reached)
