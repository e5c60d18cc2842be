"""Which call this is: read from what the runner hands over, in either of the two forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipecat.runner.types import DailyRunnerArguments, RunnerArguments
from pydantic import SecretStr, ValidationError

from frontdesk.contract import AgentRequest, DialinSettings
from frontdesk.errors import FrontdeskError
from frontdesk.organizations import Organization, Organizations, Workflow
from frontdesk.settings import BotSettings


class CallRefusedError(Exception):
    """What the runner handed over is no call that this bot can take; the text says why, without values."""


@dataclass(frozen=True)
class DailyAccess:
    """How to reach Daily's REST API: its address without a slash at the end, and a key of the domain."""

    api_url: str
    api_key: SecretStr


@dataclass(frozen=True)
class Call:
    """One phone call and whose it is."""

    request: AgentRequest = field(repr=False)
    organization: Organization
    workflow: Workflow
    daily: DailyAccess

    @property
    def call_id(self) -> str:
        """Frontdesk's id of the call, or Daily's when no gateway took part."""
        return self.request.call_id


def read_call(args: RunnerArguments, settings: BotSettings, organizations: Organizations) -> Call:
    """Read the call from a start request's body.

    The body is an `AgentRequest`, or the `DailyDialinRequest` of Pipecat Cloud's and the dev runner's
    own dial-in webhooks, which comes with the room in the arguments.

    Raises:
        CallRefusedError: The body is neither, or names an organization or workflow that is not here.
    """
    body = args.body
    if not isinstance(body, Mapping) or not body:
        raise CallRefusedError("the start request has no body that describes a call")
    try:
        if "room_url" in body:
            return _from_gateway(body, settings, organizations)
        return _from_daily(body, args, settings, organizations)
    except ValidationError as error:
        raise CallRefusedError(_explain(error)) from None
    except FrontdeskError as error:
        raise CallRefusedError(f"{error}: {error.detail}") from None


def _from_gateway(body: Mapping[str, Any], settings: BotSettings, organizations: Organizations) -> Call:
    request = AgentRequest.model_validate(body)
    organization = organizations.by_slug(request.organization_slug)
    return _call(request, organization, _own_access(settings))


def _from_daily(
    body: Mapping[str, Any], args: RunnerArguments, settings: BotSettings, organizations: Organizations
) -> Call:
    if "dialin_settings" not in body:
        raise CallRefusedError("the body holds neither room_url nor dialin_settings")
    if not isinstance(args, DailyRunnerArguments) or not args.room_url:
        raise CallRefusedError("a plain dial-in request must come with a Daily room; start it with one")
    dialin = DialinSettings.model_validate(_without_headers(body["dialin_settings"]))
    organization = organizations.by_number(dialin.To)
    request = AgentRequest(
        room_url=args.room_url,
        token=args.token or "",
        session_id=args.session_id or dialin.call_id,
        call_id=dialin.call_id,
        organization_id=str(organization.id),
        organization_slug=organization.slug,
        client_name=organization.name,
        workflow=organization.inbound_workflow,
        dialin_settings=dialin,
    )
    return _call(request, organization, _plain_access(body, settings))


def _without_headers(settings: Any) -> Any:
    """Carriers put anything into SIP headers; the bot reads none, and none may cost the caller the call."""
    if not isinstance(settings, Mapping):
        return settings
    return {key: value for key, value in settings.items() if key != "sip_headers"}


def _plain_access(body: Mapping[str, Any], settings: BotSettings) -> DailyAccess:
    key = body.get("daily_api_key")
    if not key:
        # Our own key never goes to an address that a start request names.
        return _own_access(settings)
    url = body.get("daily_api_url") or str(settings.daily_api_url)
    return DailyAccess(_address(str(url)), SecretStr(str(key)))


def _own_access(settings: BotSettings) -> DailyAccess:
    return DailyAccess(_address(str(settings.daily_api_url)), settings.daily_api_key)


def _call(request: AgentRequest, organization: Organization, access: DailyAccess) -> Call:
    workflow = organization.workflows.get(request.workflow)
    if workflow is None:
        raise CallRefusedError(f"organization {organization.slug} has no such workflow")
    return Call(request, organization, workflow, access)


def _address(url: str) -> str:
    return url.rstrip("/")


def _explain(error: ValidationError) -> str:
    problems = (
        f"{'.'.join(str(part) for part in e['loc']) or 'body'}: {e['msg']}"
        for e in error.errors(include_input=False, include_url=False)
    )
    return "the body does not describe a call: " + "; ".join(problems)
