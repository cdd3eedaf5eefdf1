"""What the searches share: a way to say what they saw, and silence while they look."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Give a way to tell the reader of a test run what a search saw, whatever becomes of it."""

    def aloud(sentence: str) -> None:
        with capsys.disabled():
            print(f"\n{sentence}")

    return aloud


@pytest.fixture(autouse=True)
def _without_words() -> Iterator[None]:
    """Log errors alone: steps in trouble say what they leave to others, thousands of times here."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)
