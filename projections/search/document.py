"""What of an entry can be found, filtered, counted and sorted by, and the entry itself, as tantivy keeps it."""

from __future__ import annotations

from tantivy import Document, Schema, SchemaBuilder

from projections.search.entry import Entry, encoded
from projections.search.words import folded, words

SHAPE = 1
"""Counts up with every change of this file or of how words are read: an index of another shape is made anew."""


def schema() -> Schema:
    """Describe the fields. Texts come as words already, so that no reader needs to know how they were made."""
    built = SchemaBuilder()
    built.add_text_field("sku", fast=True, tokenizer_name="raw", index_option="basic")
    built.add_bytes_field("entry", stored=True)
    built.add_boolean_field("known", indexed=True)
    built.add_text_field("code", tokenizer_name="raw", index_option="basic")
    built.add_text_field("words", tokenizer_name="whitespace", index_option="basic")
    built.add_text_field("whole", tokenizer_name="raw", index_option="basic")
    built.add_text_field("place", fast=True, tokenizer_name="raw", index_option="basic")
    built.add_boolean_field("in_stock", indexed=True, fast=True)
    built.add_text_field("currency", fast=True, tokenizer_name="raw", index_option="basic")
    built.add_unsigned_field("price_minor", indexed=True, fast=True)
    return built.build()


def document(entry: Entry) -> Document:
    """Make the document of an entry. Before its product is heard of it says nothing but its sku."""
    made = Document()
    made.add_text("sku", entry.sku)
    made.add_bytes("entry", encoded(entry))
    made.add_boolean("known", entry.listing is not None)
    if entry.listing is None:
        return made
    title = words(entry.listing.title)
    made.add_text("code", folded(entry.sku))
    made.add_text("words", " ".join(title))
    made.add_text("whole", " ".join(title))
    # Of products that fit alike, the one whose title says least beside; then by sku, so that it is always the same.
    made.add_text("place", f"{len(title):03} {entry.sku}")
    made.add_boolean("in_stock", entry.in_stock)
    made.add_text("currency", entry.listing.currency)
    made.add_unsigned("price_minor", entry.listing.price_minor)
    return made
