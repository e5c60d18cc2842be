"""The settings of everything that is kept: read by the gateway, and by commands that work on the books."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import NoDecode

from frontdesk.settings.base import CommonSettings


class LedgerSettings(CommonSettings):
    """Where the books are, how long they keep what is personal, and who is told."""

    database_url: SecretStr = Field(
        SecretStr("sqlite:///.frontdesk/frontdesk.db"),
        description="The books: a SQLite file, or postgresql://… when several gateways share them.",
    )
    spool_dir: Path = Field(
        Path(".frontdesk/spool"),
        description="Folder for what the database could not take in time; keep it on a disk that stays.",
    )
    spool_after_s: float = Field(
        0.1, gt=0, le=2, description="How long a record may wait for a database that stalls, in seconds."
    )
    retention_days: int = Field(
        30, ge=1, description="Days after which transcripts, numbers and names are erased."
    )
    crm_events_url: HttpUrl | None = Field(
        None, description="Where the default organization's CRM is told of calls; others name it in clinics/."
    )
    crm_caller_url: HttpUrl | None = Field(
        None, description="Where the default organization's CRM is asked who is calling."
    )
    crm_may_call_url: HttpUrl | None = Field(
        None, description="Where the default organization's CRM is asked before each dial; only a yes dials."
    )
    crm_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Secrets (whsec_…) that sign what the CRM gets; after a comma, the one being replaced.",
    )
    crm_allow_private: bool = Field(
        False, description="Whether a CRM may be inside the private network or on this machine."
    )

    @field_validator("crm_secrets", mode="before")
    @classmethod
    def _split_secrets(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
