"""What Daily posts when somebody calls, and what it is answered."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from frontdesk.contract import DialinSettings

_Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class DialinWebhook(BaseModel):
    """A call on hold (pipecat docs, Daily PSTN dial-in; `sipHeaders` comes with SIP interconnect only)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    call_id: _Id = Field(alias="callId", description="The call's id in Daily's SIP network.")
    call_domain: _Id = Field(alias="callDomain", description="Daily's domain in its SIP network.")
    to: str = Field(alias="To", min_length=1, max_length=320, description="The called number.")
    from_: str | None = Field(
        None,
        alias="From",
        max_length=320,
        description="The caller: a number, a SIP URI, `anonymous`, empty or absent.",
    )
    sip_headers: dict[str, str] | None = Field(None, alias="sipHeaders", max_length=100)

    def settings(self) -> DialinSettings:
        """The call as the bot gets it."""
        return DialinSettings(
            call_id=self.call_id,
            call_domain=self.call_domain,
            To=self.to,
            From=self.from_ or None,
            sip_headers=self.sip_headers,
        )


class DialinAnswer(BaseModel):
    """The answer to the webhook; Daily reads none of it (the bot connects the caller), but logs show it."""

    call_id: str = Field(description="Frontdesk's id of the call.")
    status: Literal["started", "launching", "ended"] = Field(
        description="Whether the bot is started, or still being sought while the caller is on hold; "
        "`ended` is for a late copy of the webhook."
    )
    session_id: str | None = Field(None, description="The start of the bot, once it is started.")


def is_probe(body: dict[str, object]) -> bool:
    """Whether Daily only tries the address, as it does when a number is configured.

    Its body holds `test` (Daily's own examples write `Test`) or, in older docs, nothing but `To`.
    """
    return body.keys() == {"To"} or any(key.lower() == "test" for key in body)
