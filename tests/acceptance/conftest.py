"""Two stacks for this folder: one for ordinary days, one for those who kill. After each test every invariant holds.

They end with it: idle, they would slow every test that follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.acceptance import sizes
from tests.acceptance.facts import broken_invariants, mentions
from tests.acceptance.stacks import Stack
from tests.acceptance.storefront import Storefront, new_sku


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how large the proofs were."""
    terminalreporter.write_line(
        f"acceptance: {sizes.BUYERS} buyers, {sizes.BUYERS_AT_ONCE} at once, for {sizes.UNITS} units;"
        f" {sizes.WORKER_DEATHS} deaths of a worker during {sizes.CHECKOUTS} checkouts"
    )


@pytest.fixture(scope="package")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give the stack on which nothing dies."""
    stack = Stack(tmp_path_factory.mktemp("shared") / "state")
    stack.start()
    yield stack
    stack.close()


@pytest.fixture(scope="package")
def lasting_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give the stack that is killed; what it knows outlives it."""
    stack = Stack(tmp_path_factory.mktemp("mortal") / "state")
    yield stack
    stack.close()


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """Give the shared stack; it is sound afterwards."""
    yield shared_stack
    assert broken_invariants(shared_stack.runtime) == {}


@pytest.fixture
def mortal(lasting_stack: Stack) -> Iterator[Stack]:
    """Give a running stack that may be killed; what is up afterwards is sound."""
    lasting_stack.start()
    yield lasting_stack
    if lasting_stack.is_running:
        assert broken_invariants(lasting_stack.runtime) == {}


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Storefront]:
    """Give a storefront of the shared stack."""
    async with Storefront.open(stack.runtime) as storefront:
        yield storefront


@pytest.fixture
async def mortal_shop(mortal: Stack) -> AsyncIterator[Storefront]:
    """Give a storefront of the stack that is killed."""
    async with Storefront.open(mortal.runtime) as storefront:
        yield storefront


@pytest.fixture
def word(stack: Stack) -> Iterator[str]:
    """Give a word to put into whatever is sent; nowhere is it stored."""
    told = new_sku("NOWHERE")
    yield told
    assert mentions(stack.runtime, told) == {}


@pytest.fixture(scope="package")
async def sold(shared_stack: Stack) -> str:
    """Give a sku that could be bought."""
    async with Storefront.open(shared_stack.runtime) as storefront:
        return await storefront.stocked("TABLE", 100)
