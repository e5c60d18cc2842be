"""Routes read their bodies themselves, with limits; this tells the API's documentation what they take."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"
SECURED: Final[dict[str, Any]] = {"security": [{"bearer": []}, {"header": []}]}
"""A route's `openapi_extra` when it needs a key."""


class Problem(BaseModel):
    """An RFC 9457 problem document; docs/errors.md lists every code."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    retry_after_s: float | None = None
    errors: list[dict[str, str]] | None = None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """A route's `openapi_extra` for a JSON body of this model."""
    reference = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}


def document(app: FastAPI, *models: type[BaseModel]) -> None:
    """Add the models of bodies, the two ways to send a key and the shape of errors to the app's OpenAPI."""
    generate = app.openapi
    shown: tuple[type[BaseModel], ...] = (*models, Problem)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = generate()
            parts = made.setdefault("components", {})
            _, schemas = models_json_schema([(m, "validation") for m in shown], ref_template=_REF)
            parts.setdefault("schemas", {}).update(schemas["$defs"])
            parts["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            _document_problems(made)
        schema: dict[str, Any] = app.openapi_schema or {}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document_problems(made: dict[str, Any]) -> None:
    """Say of every route what its errors look like, in place of the framework's own."""
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    for section, ours in (("paths", True), ("webhooks", False)):
        for operation in (one for path in made.get(section, {}).values() for one in path.values()):
            operation["responses"].pop("422", None)
            if ours:
                operation["responses"]["default"] = {"description": "A problem.", "content": content}
    for name in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(name, None)
