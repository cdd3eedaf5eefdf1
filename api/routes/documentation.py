"""The API's description, for programs and for people."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import PUBLIC

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json", dependencies=[PUBLIC])
async def get_openapi(request: Request) -> Response:
    """Give the description as OpenAPI."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", dependencies=[PUBLIC])
async def get_docs() -> Response:
    """Show the description. The page loads Swagger UI from the address that FastAPI names."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title="onhand")
