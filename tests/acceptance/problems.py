"""What a refusal must look like, whoever refuses and why."""

from __future__ import annotations

import httpx2


def refused(answer: httpx2.Response, status: int, code: str, case: object = None) -> None:
    """Check a problem document; `case` is what was wrong, for whoever reads the failure."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), (case, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (problem["type"], problem["status"]) == (f"urn:onhand:problem:{code}", status)
