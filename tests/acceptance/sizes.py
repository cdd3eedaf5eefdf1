"""How large the large tests are: a share in `make test`, and in `make prove` the figures that the issues name."""

from __future__ import annotations

from tests.proof import size

BUYERS = size(share=48, full=200)
BUYERS_AT_ONCE = 40
UNITS = BUYERS // 4
WORKER_DEATHS = size(share=2, full=10)
CHECKOUTS = size(share=8, full=30)
