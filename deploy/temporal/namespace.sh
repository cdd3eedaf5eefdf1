#!/bin/sh
# Waits for the engine, then makes the namespace and the search attributes that operators search by.
set -eu

until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 30d

attribute() {
  temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" --name "$1" --type "$2" ||
    temporal operator search-attribute list -n "$TEMPORAL_NAMESPACE" | grep -q "$1"
}

attribute OrderId Keyword
attribute CheckoutStage Keyword
attribute CheckoutStageSince Datetime
attribute NeedsAttention Bool
attribute CheckoutSkus KeywordList
attribute CheckoutSkuCount Int
attribute ReservationExpiresAt Datetime
