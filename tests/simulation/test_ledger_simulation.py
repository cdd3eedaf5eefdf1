"""The ledger over real Postgres, beside a model: the same answers and the same rows after every step."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.proof import FULL, Shown, size
from tests.simulation.ground import MakeGround
from tests.simulation.machine import live, lives
from tests.simulation.outcomes import MUST_HAVE

LIVES = size(share=30, full=2_000)
STEPS = size(share=30, full=50)
AT_A_TIME = 100
"""Lives of a part; what the parts before came to is kept, should the whole be broken off."""


@pytest.mark.proof
@pytest.mark.timeout(size(share=900, full=9_000))  # a failure takes minutes to be made small
def test_the_ledger_does_what_the_model_says(make_ground: MakeGround) -> None:
    """Other lives in every run; of two thousand, some come to every place worth seeing."""
    shown = Shown.of("lives")
    for first in range(0, LIVES, AT_A_TIME):
        if str(first) not in shown:
            number = min(AT_A_TIME, LIVES - first)
            shown.add(str(first), lives=number, reached=live(make_ground, lives(number, STEPS)))
    reached: Counter[str] = Counter()
    for part in shown.parts.values():
        reached.update(part["reached"])
    for outcome, times in sorted(reached.items()):
        print(f"{times:9,} {outcome}")
    if FULL:
        assert set(reached) >= MUST_HAVE, MUST_HAVE - set(reached)
