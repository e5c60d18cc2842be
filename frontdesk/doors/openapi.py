"""Routes read their bodies themselves, with limits; this tells the API's documentation what they take."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"
SECURED: Final[dict[str, Any]] = {"security": [{"bearer": []}, {"header": []}]}
"""A route's `openapi_extra` when it needs a key."""


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """A route's `openapi_extra` for a JSON body of this model."""
    reference = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}


def document(app: FastAPI, *models: type[BaseModel]) -> None:
    """Add the models of bodies, the two ways to send a key and the shape of errors to the app's OpenAPI."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            parts = generate().setdefault("components", {})
            _, schemas = models_json_schema([(m, "validation") for m in models], ref_template=_REF)
            parts.setdefault("schemas", {}).update(schemas["$defs"])
            parts["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
        schema: dict[str, Any] = app.openapi_schema or {}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
