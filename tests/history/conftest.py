"""What the proofs say of their size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Give a way to tell the reader of a test run how large a proof was, whatever becomes of it."""

    def aloud(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n{sentence}")

    return aloud
