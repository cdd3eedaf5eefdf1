"""The API's description, for programs and for people."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.access import PUBLIC
from api.description_page import page_of

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json", dependencies=[PUBLIC])
async def get_openapi(request: Request) -> Response:
    """Give the description as OpenAPI."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", dependencies=[PUBLIC])
async def get_docs(request: Request) -> Response:
    """Show the description on a page that needs no other host, and no script."""
    return HTMLResponse(page_of(request.app.openapi()))
