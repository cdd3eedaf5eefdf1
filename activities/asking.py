"""The crash points around a request to the provider that acts: before it is sent, and while its reply is not stored."""

from __future__ import annotations

from ledger.crash_points import Around

AUTHORIZE = Around("provider.authorize")
CAPTURE = Around("provider.capture")
VOID = Around("provider.void")
REFUND = Around("provider.refund")
