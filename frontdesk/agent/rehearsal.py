"""The same conversation without a phone, for pipecat's evaluation harness."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pipecat.evals.transport import EvalTransportParams
from pipecat.runner.types import WebSocketRunnerArguments
from pipecat.runner.utils import create_transport

from frontdesk.agent.call import CallRefusedError
from frontdesk.agent.conversation import Conversation, Manner
from frontdesk.agent.models import Ears
from frontdesk.agent.report import LoggedReport
from frontdesk.agent.speech import speech_services
from frontdesk.agent.tools import CallResources
from frontdesk.organizations import Organization, Organizations
from frontdesk.settings import BotSettings


async def rehearse(
    args: WebSocketRunnerArguments, settings: BotSettings, organizations: Organizations, ears: Ears
) -> None:
    """Talk to the harness until it hangs up.

    The body may name `organization_slug` and `workflow`; otherwise it is the default organization's
    inbound workflow.

    Raises:
        CallRefusedError: There is no such organization or workflow.
    """
    organization, workflow_name = _choose(args.body, organizations)
    workflow = organization.workflows[workflow_name]
    transport = await create_transport(
        args, {"eval": lambda: EvalTransportParams(audio_in_enabled=True, audio_out_enabled=True)}
    )

    async def hang_up() -> None:
        await conversation.finish(organization.goodbye)

    async def greet(_: Any, __: Any) -> None:
        await conversation.say(workflow.greeting)

    async def leave(_: Any, __: Any) -> None:
        await conversation.cancel()

    conversation = Conversation(
        transport,
        await speech_services(settings, language=organization.language, instructions=workflow.instructions),
        ears,
        CallResources(organization, lambda: datetime.now(UTC), LoggedReport(), hang_up),
        Manner(rtvi=True, greeting_first=False, pipeline_idle_s=args.pipeline_idle_timeout_secs),
    )
    transport.add_event_handler("on_client_connected", greet)
    transport.add_event_handler("on_client_disconnected", leave)
    await conversation.run(handle_sigint=args.handle_sigint)


def _choose(body: object, organizations: Organizations) -> tuple[Organization, str]:
    wishes = body if isinstance(body, Mapping) else {}
    slug = wishes.get("organization_slug")
    organization = organizations.by_slug(str(slug)) if slug else organizations.by_number(None)
    workflow = str(wishes.get("workflow") or organization.inbound_workflow)
    if workflow not in organization.workflows:
        raise CallRefusedError(f"organization {organization.slug} has no such workflow")
    return organization, workflow
