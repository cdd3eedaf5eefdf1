"""From posts to operations: all that the callers of one key can know together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.history.record import Outcome, Post

Instant = float
"""Nanoseconds, or an infinity where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One key. What it did, if anything, became true between `invoked` and `done_by`."""

    key: str
    asked: Mapping[str, int]
    outcome: Outcome
    invoked: int
    done_by: Instant = math.inf
    """When the first caller knew it was done."""
    refused_by: Instant = math.inf
    """When the first caller was refused."""
    code: str | None = None


def operations_of(history: Iterable[Post]) -> dict[str, Operation]:
    """Put the posts of each key together."""
    posts: defaultdict[str, list[Post]] = defaultdict(list)
    for post in history:
        posts[post.key].append(post)
    return {key: _operation(key, calls) for key, calls in posts.items()}


def _operation(key: str, posts: list[Post]) -> Operation:
    accepted = [post for post in posts if post.outcome is Outcome.OK]
    refused = [post for post in posts if post.outcome is Outcome.REFUSED]
    first_refusal = min(refused, key=lambda post: post.completed, default=None)
    return Operation(
        key=key,
        asked=(accepted or posts)[0].asked,
        outcome=_outcome(posts, accepted, refused),
        invoked=min(post.invoked for post in posts),
        done_by=min((post.completed for post in accepted), default=math.inf),
        refused_by=first_refusal.completed if first_refusal else math.inf,
        code=first_refusal.code if first_refusal else None,
    )


def _outcome(posts: list[Post], accepted: list[Post], refused: list[Post]) -> Outcome:
    """Once done it is done; a no is final only where it was asked for after every unknown had ended."""
    if accepted:
        return Outcome.OK
    last_asked = max((post.invoked for post in refused), default=-1)
    in_doubt = [post for post in posts if post.outcome is Outcome.UNKNOWN]
    if any(post.completed > last_asked for post in in_doubt):
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def changed_answers(history: Iterable[Post]) -> list[str]:
    """Name the keys that were refused to somebody who asked after somebody else knew them done."""
    known = operations_of(history)
    return sorted(
        {
            post.key
            for post in history
            if post.outcome is Outcome.REFUSED and post.invoked > known[post.key].done_by
        }
    )
