"""The API's description for people: one page that loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 60rem }}
td {{ padding: .2rem 1rem .2rem 0; vertical-align: top }}</style>
<h1>{title} {version}</h1>
<p>Every call, its fields and its answers: <a href="/openapi.json">/openapi.json</a>, for whichever viewer you like.</p>
<table>
{rows}
</table>
</html>
"""
ROW: Final = "<tr><td>{method}</td><td><code>{path}</code></td><td>{words}</td></tr>"


def page_of(description: Mapping[str, Any]) -> str:
    """List every call of an OpenAPI description, with what it does in words."""
    return PAGE.format(
        title=escape(description["info"]["title"]),
        version=escape(description["info"]["version"]),
        rows="\n".join(_rows(description["paths"])),
    )


def _rows(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, calls in paths.items():
        for method, call in calls.items():
            words = call.get("description") or call.get("summary", "")
            yield ROW.format(method=method.upper(), path=escape(path), words=escape(words))
