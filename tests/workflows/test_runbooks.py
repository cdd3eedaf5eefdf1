"""The runbooks' queries and commands, taken from their pages and run as they stand there."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from temporalio.service import RPCError

from dev.temporal import find_temporal
from payments.provider import PaymentProvider
from tests.workflows.facts import tried
from tests.workflows.shop import Checkout, Shop, eventually
from tests.workflows.till import Till
from workflows.search_attributes import SEARCH_ATTRIBUTES
from workflows.steps import Step
from workflows.wording import RUNBOOKS

PAGES = Path(__file__).parents[2] / "docs" / "runbooks"
SAVED = (PAGES / "saved-queries.md").read_text()
ALERT = re.search(r"^    (CheckoutStage = .*)$", SAVED, re.MULTILINE)
ATTRIBUTE = "|".join([*SEARCH_ATTRIBUTES, "ExecutionStatus", "WorkflowType"])
QUERIES = sorted(
    {
        query
        for page in PAGES.glob("*.md")
        for query in re.findall(
            rf"(?:`|^    )((?:{ATTRIBUTE}) [=<>] .*?)(?:`|  |$)", page.read_text(), re.MULTILINE
        )
    }
)
RESETS = re.findall(
    r"^ +(temporal activity reset .*)$",
    "\n".join(page.read_text() for page in PAGES.glob("*.md")),
    re.MULTILINE,
)


def filled(query: str, ago: timedelta = timedelta(0)) -> str:
    """Put a time where the page says when."""
    at = datetime.now(UTC) - ago
    return re.sub(r"<\d+ \w+ ago>|<now>", f"{at:%Y-%m-%dT%H:%M:%SZ}", query)


async def lists(shop: Shop, query: str, checkout: Checkout) -> bool:
    """Tell whether a query finds a checkout."""
    found = [execution.id async for execution in shop.client.list_workflows(query)]
    return checkout.handle.id in found


@pytest.mark.parametrize("query", QUERIES)
async def test_a_saved_query_names_what_there_is(counter: Shop, query: str) -> None:
    """A misspelt attribute would be an error on the worst of days."""
    await counter.client.count_workflows(filled(query))


async def test_a_misspelt_query_is_refused(counter: Shop) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(RPCError):
        await counter.client.count_workflows('CheckoutStagge = "undoing"')


def test_the_page_of_queries_uses_everything_there_is_to_search_by() -> None:
    """An attribute that no query names has no reader."""
    unused = {name for name in SEARCH_ATTRIBUTES if not any(name in query for query in QUERIES)}

    assert unused == {"CheckoutSkuCount"}
    assert len(QUERIES) > 10


async def test_the_alert_finds_what_is_undone_for_long_and_attention_what_fails(
    empty_shop: Shop,
) -> None:
    """And neither of them one that is only waiting for its customer."""
    assert ALERT is not None
    attention = next(query for query in QUERIES if query.startswith("NeedsAttention"))
    waiting = await empty_shop.open(await empty_shop.stock("blue-teapot", 1))
    stuck = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    async with empty_shop.working(attention_after_seconds=1):
        await waiting.ask()
        await stuck.ask()
        empty_shop.till.stop()
        try:
            await stuck.cancel(closed=False)
            await eventually(lambda: lists(empty_shop, attention, stuck))
            longer_than_nothing = filled(ALERT[1], timedelta(seconds=-60))
            longer_than_an_hour = filled(ALERT[1], timedelta(hours=1))
            assert await lists(empty_shop, longer_than_nothing, stuck)
            assert not await lists(empty_shop, longer_than_an_hour, stuck)
            assert not await lists(empty_shop, attention, waiting)
            assert not await lists(empty_shop, longer_than_nothing, waiting)
        finally:
            empty_shop.till.start()
        await stuck.ended()
        await waiting.cancel()
    await stuck.agreed()


@pytest.mark.parametrize("command", sorted(set(RESETS)))
async def test_a_step_told_to_come_back_later_can_be_told_to_go_on_now(
    shop: Shop, command: str
) -> None:
    """The command as the pages have it: within the hour that the provider asked for."""
    checkout = await shop.open(await shop.stock("brass-lamp", 1))
    await checkout.ask()
    shop.gate.put_off(checkout.id, Step.VOID_PAYMENT)
    await checkout.cancel(closed=False)
    await eventually(lambda: tried(shop, checkout.id, Step.VOID_PAYMENT, 1))
    await eventually(lambda: put_off(checkout))

    (activity,) = await pending(checkout)
    told = command.replace("<order>", checkout.id).replace("<activity>", activity)
    program, *arguments = shlex.split(
        told.replace("--namespace onhand", f"--namespace {shop.client.namespace}")
    )
    assert program == "temporal"
    address = shop.client.service_client.config.target_host
    ran = await asyncio.create_subprocess_exec(
        find_temporal(), *arguments, "--address", address, env={**os.environ, "NO_COLOR": "1"}
    )

    assert await ran.wait() == 0
    assert await checkout.ended() == "cancelled"
    await checkout.agreed()


async def test_a_rejected_key_is_put_right_by_a_restart(empty_shop: Shop) -> None:
    """The step under way goes on with the right one."""
    checkout = await empty_shop.open(await empty_shop.stock("brass-lamp", 1))
    provider = PaymentProvider(base=empty_shop.wire.url, key="sk_test_wrong", timeout_seconds=3)
    misconfigured = replace(empty_shop, provider=provider)
    async with empty_shop.working():
        await checkout.ask()
    async with misconfigured.working():
        await checkout.cancel(closed=False)
        await eventually(lambda: put_off(checkout))
        described = await checkout.handle.describe()
    await provider.close()
    async with empty_shop.working():
        status = await checkout.ended()

    (failing,) = described.raw_description.pending_activities
    assert failing.last_failure.application_failure_info.type == "payment-misconfigured"
    assert status == "cancelled"
    await checkout.agreed()


async def test_a_provider_that_answers_says_401_to_whoever_has_no_key(till: Till) -> None:
    """How a worker's machine tells a dead provider from a rejected key."""
    url = f"{till.url}/v1/payment_intents"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        assert reply.status == 401


async def pending(checkout: Checkout) -> list[str]:
    """Name the activities that have begun and not ended."""
    described = await checkout.handle.describe()
    return [each.activity_id for each in described.raw_description.pending_activities]


async def put_off(checkout: Checkout) -> bool:
    """Tell whether its step waits for its next attempt."""
    described = await checkout.handle.describe()
    waiting = described.raw_description.pending_activities
    return any(each.HasField("last_failure") for each in waiting)


def test_every_code_with_a_page_is_explained_there() -> None:
    """The details send their reader to it."""
    lost = {
        code
        for code, page in RUNBOOKS.items()
        if f"`{code}`" not in (PAGES / f"{page}.md").read_text()
    }
    assert lost == set()
