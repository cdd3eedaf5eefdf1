"""Search attributes by which operators find checkouts in the Temporal UI. All are ids, counts, states or times."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey

ORDER_ID = SearchAttributeKey.for_keyword("OrderId")
STAGE = SearchAttributeKey.for_keyword("CheckoutStage")
STAGE_SINCE = SearchAttributeKey.for_datetime("CheckoutStageSince")
"""When the stage last changed; before it ever did, that is the workflow's own start."""
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")
"""True while a step has been failing for long. See `worker.attention`."""
SKUS = SearchAttributeKey.for_keyword_list("CheckoutSkus")
SKU_COUNT = SearchAttributeKey.for_int("CheckoutSkuCount")
EXPIRES_AT = SearchAttributeKey.for_datetime("ReservationExpiresAt")

SEARCH_ATTRIBUTES: dict[str, str] = {
    ORDER_ID.name: "Keyword",
    STAGE.name: "Keyword",
    STAGE_SINCE.name: "Datetime",
    NEEDS_ATTENTION.name: "Bool",
    SKUS.name: "KeywordList",
    SKU_COUNT.name: "Int",
    EXPIRES_AT.name: "Datetime",
}
"""Name and type of each: registered by `onhand dev`, and by the deployment's set-up job."""

SKUS_BYTES = 1_500
"""Over 2,048 bytes Temporal refuses the start."""


def searchable_skus(skus: list[str]) -> list[str]:
    """Give the first whole skus that fit within 1,500 bytes."""
    kept: list[str] = []
    size = 0
    for sku in sorted(set(skus)):
        size += len(sku.encode())
        if size > SKUS_BYTES:
            break
        kept.append(sku)
    return kept
