"""The OpenAPI document: what FastAPI sees of the routes, and what it cannot: policies, bodies and problems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.access import Scoped, policy_of
from api.headers import HeaderValue, RequiredIdempotencyKey
from api.json_bodies import JsonBody
from api.problems import MEDIA_TYPE, PROBLEMS
from api.queries import QueryValue
from ledger.version import VERSION

TITLE = "onhand"
REFERENCE = "#/components/schemas/{model}"
SECURITY = "bearer"


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is stable; further members carry the facts of the problem."""

    type: str
    code: str
    title: str
    status: int
    detail: str | None = None


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the document; two calls for the same routes give the same."""
    document = get_openapi(title=TITLE, version=VERSION, routes=app.routes)
    components: dict[str, Any] = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    # FastAPI's own 422 is never sent.
    for unsent in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unsent, None)
    schemas.update(_schemas([ProblemDocument, *_bodies(app)]))
    schemas["ProblemDocument"]["properties"]["code"]["enum"] = sorted(PROBLEMS)
    components["securitySchemes"] = {
        SECURITY: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in iter_route_contexts(app.routes):
        for operation in _operations(document, route):
            _complete(operation, route)
    return document


def _operations(document: dict[str, Any], route: RouteContext) -> Iterator[dict[str, Any]]:
    path = document["paths"].get(route.path_format, {})
    for method in route.methods or ():
        if method.lower() in path:
            yield path[method.lower()]


def _complete(operation: dict[str, Any], route: RouteContext) -> None:
    policy = policy_of(route)
    if isinstance(policy, Scoped):
        operation["security"] = [{SECURITY: [scope]} for scope in policy.scopes]
    for call in _calls(route.dependant):
        if isinstance(call, JsonBody):
            operation["requestBody"] = _request_body(call.shape)
        if isinstance(call, HeaderValue):
            operation.setdefault("parameters", []).append(_parameter(call))
        if isinstance(call, QueryValue):
            operation.setdefault("parameters", []).append(_question(call))
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemDocument")}}},
    }


def _request_body(shape: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model=shape.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _parameter(header: HeaderValue) -> dict[str, Any]:
    return {
        "name": header.name,
        "in": "header",
        "required": isinstance(header, RequiredIdempotencyKey),
        "description": header.description,
        "schema": {"type": "string"},
    }


def _question(query: QueryValue[Any]) -> dict[str, Any]:
    return {
        "name": query.name,
        "in": "query",
        "required": query.required,
        "description": query.description,
        "schema": query.schema,
    }


def _calls(dependant: Dependant) -> Iterator[Any]:
    for part in dependant.dependencies:
        yield part.call
        yield from _calls(part)


def _bodies(app: FastAPI) -> list[type[BaseModel]]:
    return [
        call.shape
        for route in iter_route_contexts(app.routes)
        for call in _calls(route.dependant)
        if isinstance(call, JsonBody)
    ]


def _schemas(shapes: list[type[BaseModel]]) -> dict[str, Any]:
    _, document = models_json_schema(
        [(shape, "validation") for shape in shapes], ref_template=REFERENCE
    )
    found: dict[str, Any] = document["$defs"]
    return found
