"""From what is raised inside to what is told outside: each family of errors translated in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.problems import PROBLEMS, Problem, busy
from ledger.errors import KeyConflict, Refused, Transient
from settings.logging import frames

log = structlog.get_logger()

_FRAMEWORK_CODES = {404: "not-found", 405: "method-not-allowed"}


def translate_failures(app: FastAPI) -> None:
    """Make every failure of this app a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(KeyConflict, _refused)
    app.add_exception_handler(Transient, _transient)
    app.add_exception_handler(PoolTimeout, _transient)
    app.add_exception_handler(HTTPException, _framework)


def internal(error: BaseException) -> Problem:
    """Log what broke, by its kind and place, and say no more than that something did."""
    log.error("request_broke", error=type(error).__name__, frames=frames(error))
    return Problem("internal")


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused | KeyConflict)
    if error.code not in PROBLEMS:
        # The ledger's word for what this route cannot have meant to ask.
        return internal(error).response()
    return Problem(error.code, **_told(error.facts)).response()


async def _transient(_request: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, Transient) else "busy"
    log.warning("request_put_off", code=code)
    return busy().response()


async def _framework(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _FRAMEWORK_CODES.get(error.status_code)
    if code is None:
        return internal(error).response()
    return Problem(code, headers=error.headers).response()


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    # `key` names an operation of ours, which is nobody else's word.
    return {name: fact for name, fact in facts.items() if name != "key"}
