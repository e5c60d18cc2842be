"""`/domain-dialin-config`, `/dialin` and the domain itself (Daily docs, domain and dial-in configs)."""

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.phone.network import PinlessRejected
from frontdesk.simulator.rest.dialin_configs import DialinConfig, DialinType
from frontdesk.simulator.rest.errors import invalid, missing_field, not_found
from frontdesk.simulator.rest.fields import check_choice, check_types, optional_object, required_text
from frontdesk.simulator.rest.pages import page

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_FIELDS = {
    "phone_number": "string",
    "name_prefix": "string",
    "hmac": "string",
    "room_creation_api": "string",
    "hold_music_url": "string",
    "timeout_config": "object",
    "ivr_greeting": "object",
}


class DialinConfigRoutes:
    """Configure numbers, one by one or (legacy) all at once, and forward held calls."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._configs = world.dialin_configs

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("POST", "/domain-dialin-config", self.create),
            Route("GET", "/domain-dialin-config", self.list_configs),
            Route("GET", "/domain-dialin-config/{id}", self.read),
            Route("PUT", "/domain-dialin-config/{id}", self.update),
            Route("DELETE", "/domain-dialin-config/{id}", self.delete),
            Route("POST", "/dialin/pinlessCallUpdate", self.pinless_call_update),
            Route("GET", "/", self.read_domain),
            Route("POST", "/", self.update_domain),
        ]

    async def create(self, request: Request) -> dict[str, Any]:
        """Configure a number that has no config yet; its webhook is probed."""
        (kind,) = required_text(request.body, "type")
        check_choice("type", kind, ("pinless_dialin", "pin_dialin"))
        config = self._fresh("pin_dialin" if kind == "pin_dialin" else "pinless_dialin", request.body)
        self._check_number(config, None)
        self._configs.add(config)
        await self._world.dialin_webhooks.probe(config)
        return config.shown()

    async def list_configs(self, request: Request) -> dict[str, Any]:
        """All configs that fit the filters, newest first."""
        found = [one for one in reversed(self._configs.all()) if _fits(one, request.query)]
        return page(found, request.query, cursor=lambda one: one.id, show=DialinConfig.shown)

    async def read(self, request: Request) -> dict[str, Any]:
        """One config."""
        return self._found(request).shown()

    async def update(self, request: Request) -> dict[str, Any]:
        """Change a config. The secret is made anew unless one is passed, as with the legacy call."""
        config = self._found(request)
        check_types(request.body, _FIELDS)
        given: dict[str, Any] = {name: request.body[name] for name in _FIELDS if name in request.body}
        self._check_number(replace(config, **given), config)
        _check_secret(given.get("hmac"))
        config.hmac = ""
        for name, value in given.items():
            setattr(config, name, {} if value is None and name == "timeout_config" else value)
        self._configs.settle(config)
        await self._world.dialin_webhooks.probe(config)
        return config.shown()

    async def delete(self, request: Request) -> dict[str, str]:
        """Forget a config."""
        self._configs.remove(self._found(request).id)
        return {"status": "ok"}

    async def pinless_call_update(self, request: Request) -> dict[str, str]:
        """Forward a held caller to a room."""
        call_id, call_domain, sip_uri = required_text(request.body, "callId", "callDomain", "sipUri")
        try:
            self._world.network.pinless_update(call_id, call_domain, sip_uri)
        except PinlessRejected as error:
            raise invalid(error.info) from error
        return {"ok": "true"}

    async def read_domain(self, _request: Request) -> dict[str, Any]:
        """The domain; `domain_id` is what self-signed tokens need."""
        return self._domain()

    async def update_domain(self, request: Request) -> dict[str, Any]:
        """Legacy: `pinless_dialin` replaces every pinless config; a number that is left out is removed."""
        wanted = optional_object(request.body, "properties").get("pinless_dialin")
        if wanted is None:
            return self._domain()
        fresh = [self._fresh("pinless_dialin", one) for one in _objects(wanted)]
        for config in fresh:
            self._check_owned(config)
        for config in self._configs.all():
            if config.type == "pinless_dialin":
                self._configs.remove(config.id)
        for config in fresh:
            self._configs.add(config)
            await self._world.dialin_webhooks.probe(config)
        return self._domain()

    def _domain(self) -> dict[str, Any]:
        pinless = [one.shown()["config"] for one in self._configs.all() if one.type == "pinless_dialin"]
        settings = self._world.settings
        config = {"lang": "en", "pinless_dialin": pinless}
        return {"domain_name": settings.domain_name, "domain_id": settings.domain_id, "config": config}

    def _fresh(self, kind: DialinType, body: dict[str, Any]) -> DialinConfig:
        check_types(body, _FIELDS)
        _check_secret(body.get("hmac"))
        given = {name: body[name] for name in _FIELDS if body.get(name) is not None}
        if kind == "pinless_dialin" and not given.get("room_creation_api"):
            raise missing_field()
        return DialinConfig(type=kind, **given)

    def _found(self, request: Request) -> DialinConfig:
        config = self._configs.get(request.params["id"])
        if config is None:
            raise not_found("dialin config not found")
        return config

    def _check_number(self, config: DialinConfig, before: DialinConfig | None) -> None:
        self._check_owned(config)
        number = config.phone_number
        taken = self._configs.by_number(number) if number else None
        if taken is not None and taken is not before:
            raise invalid(f"Failed to configure {_words(config)}: {number} is already configured")

    def _check_owned(self, config: DialinConfig) -> None:
        number = config.phone_number
        if number is None:
            return
        if not _E164.fullmatch(number):
            raise invalid(f"Failed to configure {_words(config)}: phone_number must be in E.164 format")
        if not self._world.numbers.owns(number):
            digits, domain = number.removeprefix("+"), self._world.settings.domain_name
            raise invalid(
                f"Failed to configure {_words(config)}: {digits} not associated with domain: {domain}"
            )


def _words(config: DialinConfig) -> str:
    return config.type.replace("_", " ")


def _check_secret(secret: Any) -> None:
    try:
        base64.b64decode(secret or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("property 'hmac' must be base64") from error


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise invalid("property 'pinless_dialin' must be of type array")
    return value


def _fits(config: DialinConfig, query: dict[str, str]) -> bool:
    number = config.phone_number or ""
    parts = [part for part in query.get("phone_numbers", "").split(",") if part]
    return (
        query.get("type") in {None, config.type}
        and query.get("phone_number") in {None, number}
        and query.get("sip_username") in {None, config.sip_user}
        and query.get("name_prefix") in {None, config.name_prefix}
        and (not parts or any(part in number for part in parts))
    )
