"""The page on which a person pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from payments.values import ProviderState

if TYPE_CHECKING:
    from payments.provider import PaymentProvider
    from tests.integration.payments.conftest import SimulatorProcess


async def opened(provider: PaymentProvider, key: str) -> str:
    """Open a payment for a lamp."""
    payment = await provider.authorize(
        checkout_id="co_page", amount_minor=4_905, currency="EUR", idempotency_key=key
    )
    return payment.payment_intent


async def choose(simulator: SimulatorProcess, payment_intent: str, choice: str) -> tuple[int, str]:
    """Press a button, and follow to the page that is shown then."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{simulator.url}/pay/{payment_intent}", data={"choice": choice}) as reply,
    ):
        return reply.status, await reply.text()


async def test_the_page_shows_the_payment_and_loads_nothing_else(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Amount and state in words; the policy forbids scripts and foreign files."""
    intent = await opened(provider, "page-shows")

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{simulator.url}/pay/{intent}") as reply,
    ):
        html = await reply.text()

    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "49.05 EUR" in html
    assert "requires payment method" in html
    assert "<script" not in html
    assert "secret" not in html


async def test_a_person_pays(provider: PaymentProvider, simulator: SimulatorProcess) -> None:
    """The button does what a card would, and is gone afterwards."""
    intent = await opened(provider, "page-pays")

    _, html = await choose(simulator, intent, "pay")

    assert "requires capture" in html
    assert "<button" not in html
    payment = await provider.look_up(payment_intent=intent)
    assert payment.state is ProviderState.AUTHORIZED
    assert (await choose(simulator, intent, "pay"))[0] == 400


async def test_a_person_is_declined_and_tries_again(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """The page says why, and lets them."""
    intent = await opened(provider, "page-declines")

    _, declined = await choose(simulator, intent, "decline")
    _, paid = await choose(simulator, intent, "pay")

    assert "Your card was declined." in declined
    assert "requires capture" in paid


@pytest.mark.parametrize(
    ("choice", "state"),
    [("prove", ProviderState.AUTHORIZED), ("fail", ProviderState.REQUIRES_PAYMENT)],
)
async def test_a_challenge_is_answered_on_the_page(
    provider: PaymentProvider, simulator: SimulatorProcess, choice: str, state: ProviderState
) -> None:
    """A card that asks who is paying waits for the person's answer."""
    intent = await opened(provider, f"page-{choice}")
    status, body = await simulator.confirm(intent, "pm_card_authenticationRequired")
    assert (status, body["status"]) == (200, "requires_action")
    assert body["next_action"]["redirect_to_url"]["url"] == f"/pay/{intent}"

    await choose(simulator, intent, choice)

    assert (await provider.look_up(payment_intent=intent)).state is state


@pytest.mark.parametrize("payment_intent", ["pi_nobodys", "<script>alert(1)<", "%00"])
async def test_an_unknown_payment_has_no_page(
    simulator: SimulatorProcess, payment_intent: str
) -> None:
    """What was asked for is not echoed as markup: the answer is JSON."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{simulator.url}/pay/{payment_intent}") as reply,
    ):
        assert reply.status == 404
        assert reply.content_type == "application/json"


async def test_an_unknown_choice_changes_nothing(
    provider: PaymentProvider, simulator: SimulatorProcess
) -> None:
    """Only what the buttons say is understood."""
    intent = await opened(provider, "page-unknown-choice")

    assert (await choose(simulator, intent, "refund"))[0] == 400
    assert (await choose(simulator, intent, "prove"))[0] == 400
    payment = await provider.look_up(payment_intent=intent)
    assert payment.state is ProviderState.REQUIRES_PAYMENT
