"""Which onhand this is: read by the packaging, too, so that an image without the package knows."""

VERSION = "0.1.0"
