"""How what goes wrong in a step is told to Temporal: by its stable code, and always worth another try.

A refusal is a result and never gets here. What does is either passing (the database or the provider
is away) or broken; both stay visible in the Temporal UI as a pending activity until they heal.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import structlog
from temporalio.exceptions import ApplicationError

from ledger.crash_points import Around
from ledger.errors import LedgerError
from payments.errors import PaymentError, PaymentThrottled

log = structlog.get_logger("activities")

Step = TypeVar("Step", bound=Callable[..., Awaitable[Any]])


class Asked(Protocol):
    """The input of a step."""

    @property
    def of(self) -> str:
        """What the step is about: the id of a checkout, as a rule."""


def telling(step: Step) -> Step:
    """Translate errors, once, into failures whose type is a code.

    No text goes along: a driver quotes the statement and its parameters, a provider its customer.
    """

    @functools.wraps(step)
    async def told(*args: Any) -> Any:
        try:
            return await step(*args)
        except ApplicationError:
            raise
        except PaymentThrottled as error:
            delay = timedelta(seconds=error.retry_after_seconds)
            raise ApplicationError(error.code, type=error.code, next_retry_delay=delay) from None
        except (LedgerError, PaymentError) as error:
            raise ApplicationError(error.code, type=error.code) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the history gets its kind alone
            # No traceback: its message would quote what must not be quoted.
            log.error("step broke", step=step.__name__, error=type(error).__name__)  # noqa: TRY400
            raise ApplicationError("broken", type=f"broken-{type(error).__name__}") from None

    return told  # type: ignore[return-value]


def crossing(step: Step) -> Step:
    """Pass the step's two crash points: before it does anything, and when all is done but not yet told."""
    around = Around(step.__name__)

    @functools.wraps(step)
    async def crossed(self: Any, asked: Asked) -> Any:
        async with around(asked.of):
            return await step(self, asked)

    return crossed  # type: ignore[return-value]
