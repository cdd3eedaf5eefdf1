"""Every refusal that a route can provoke has an answer of its own: the codes are read from the rules' source."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import api
import ledger.rules
from api.problems import PROBLEMS
from ledger import commands
from ledger.rules import _RULES

REFUSING = ("Refused", "KeyConflict")
UNTOLD = {"OpenCheckout": {"cart-busy", "duplicate-sku"}}
"""What the route itself takes care of: it makes room in the cart or answers `busy`, and adds lines up by sku."""


Place = tuple[str, str]
"""(module, function)."""


def _modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    for place in importlib.import_module(package).__path__:
        for found in pkgutil.walk_packages([place], f"{package}."):
            path = importlib.import_module(found.name).__file__
            assert path is not None
            yield found.name, ast.parse(Path(path).read_text())


def _posted() -> set[str]:
    """Name the commands that any module of the API makes."""
    known = {command.__name__ for command in _RULES}
    return {
        call.func.id
        for _, module in _modules(api.__name__)
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in known
    }


def _functions() -> dict[Place, ast.FunctionDef]:
    return {
        (name, node.name): node
        for name, module in _modules(ledger.rules.__name__)
        for node in module.body
        if isinstance(node, ast.FunctionDef)
    }


def _codes(place: Place, functions: dict[Place, ast.FunctionDef], seen: set[Place]) -> set[str]:
    """Collect the codes that a rule, and whatever of the rules it calls, may refuse with."""
    seen.add(place)
    module, name = place
    codes: set[str] = set()
    for call in ast.walk(functions[place]):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id in REFUSING:
            (code, *_) = call.args
            assert isinstance(code, ast.Constant), f"{name} refuses with a code not written out"
            codes.add(str(code.value))
        called = _called(module, call.func.id, functions)
        if called is not None and called not in seen:
            codes |= _codes(called, functions, seen)
    return codes


def _called(module: str, name: str, functions: dict[Place, ast.FunctionDef]) -> Place | None:
    """Find a function by its name where it is used: here, or imported from another module of the rules."""
    function = getattr(importlib.import_module(module), name, None)
    place = (getattr(function, "__module__", ""), name)
    return place if place in functions else None


def _refusals(command: str) -> set[str]:
    rule = _RULES[getattr(commands, command)]
    assert isinstance(rule, FunctionType)
    codes = _codes((rule.__module__, rule.__name__), _functions(), set())
    return codes - UNTOLD.get(command, set())


def test_the_search_finds_what_is_known() -> None:
    """A search that found nothing would prove nothing."""
    assert _posted() >= {"Ship", "TakeBack", "Inspect", "SendTransfer", "ReceiveTransfer", "Adjust"}
    assert _refusals("Ship") == {
        *("key-reused", "more-than-sold", "no-order", "nothing-wanted", "order-cancelled"),
        "unknown-location",
    }
    assert "pile-too-small" in _refusals("Adjust")


@pytest.mark.parametrize("command", sorted(_posted()))
def test_every_refusal_of_a_posted_command_is_a_problem(command: str) -> None:
    """Without a place in the table it would be `internal`, and page somebody for a caller's mistake."""
    assert _refusals(command) - set(PROBLEMS) == set()
