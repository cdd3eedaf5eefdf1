"""The schema's history, run by `onhand migrate` as the owner; the application role owns nothing."""
