"""The organizations that Frontdesk answers for: one YAML file each, in `clinics/`."""

from collections.abc import Iterable, Iterator
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator, model_validator

from frontdesk.errors import UnknownNumberError, UnknownOrganizationError, UnknownWorkflowError
from frontdesk.phone import dialable

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)]


class OrganizationsError(Exception):
    """The files of `clinics/` cannot be used; the text lists every problem by file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hours(_Model):
    """When the doors are open on one day, in the organization's own time zone."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class Workflow(_Model):
    """One kind of conversation.

    `greeting` is spoken as it stands when the caller is connected or the callee has answered;
    `instructions` tell the language model what this conversation is for.
    """

    greeting: str = Field(min_length=1, max_length=500)
    instructions: str = Field(min_length=1)


class CrmEvents(_Model):
    """An address that is told of calls."""

    url: HttpUrl
    secret_env: Variable | None = Field(None, description="Instead of the section's own.")
    types: tuple[str, ...] = Field((), description="Only these types of events; all when empty.")


class Crm(_Model):
    """Where the organization's CRM is. Secrets are never written here: `secret_env` names a variable."""

    events: tuple[CrmEvents, ...] = ()
    caller_url: HttpUrl | None = Field(None, description="Asked who is calling.")
    secret_env: Variable | None = Field(
        None,
        description="Environment variable with the whsec_ secret; after a comma, the one being replaced.",
    )
    allow_private: bool = Field(False, description="The CRM may be inside the private network, without TLS.")


class Organization(_Model):
    """A clinic: its numbers, its voice, its hours and its conversations."""

    id: UUID
    slug: Slug
    name: str
    default: bool = Field(False, description="Answers numbers that no other organization lists.")
    numbers: tuple[str, ...] = Field((), description="Its phone numbers (DIDs), E.164.")
    caller_id: UUID | None = Field(
        None, description="Daily's id of the purchased number shown to callees; not the number itself."
    )
    language: str = "en"
    timezone: str
    transfers: bool = Field(
        False, description="Calls may be handed to a phone: rooms of incoming calls get dial-out, too."
    )
    address: str | None = None
    opening_hours: dict[Weekday, Hours | Literal["closed"]]
    goodbye: str = "Thank you for calling. Goodbye."
    apology: str = "I am sorry, something is wrong with our line. Please call again in a moment. Goodbye."
    idle_prompt: str = "Are you still there?"
    inbound_workflow: str = "reception"
    outbound_workflow: str = "outreach"
    workflows: dict[Slug, Workflow]
    crm: Crm = Crm()

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone of the IANA database, such as America/New_York") from None
        return value

    @field_validator("numbers")
    @classmethod
    def _e164(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dialable(number) for number in value)

    @field_validator("opening_hours")
    @classmethod
    def _all_days(cls, value: dict[Weekday, object]) -> dict[Weekday, object]:
        missing = [day for day in WEEKDAYS if day not in value]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}; write `closed` for a day without hours")
        return value

    @model_validator(mode="after")
    def _workflows_exist(self) -> Self:
        for name in (self.inbound_workflow, self.outbound_workflow):
            if name not in self.workflows:
                raise ValueError(f"workflow {name!r} is named but not described under `workflows`")
        return self

    def knows(self, workflow: str) -> str:
        """Return the workflow's name if the organization has it.

        Raises:
            UnknownWorkflowError: It does not.
        """
        if workflow not in self.workflows:
            raise UnknownWorkflowError
        return workflow

    @property
    def zone(self) -> ZoneInfo:
        """The organization's time zone."""
        return ZoneInfo(self.timezone)


class Organizations:
    """All organizations, found by slug or by called number."""

    def __init__(self, organizations: Iterable[Organization]) -> None:
        self._by_slug = {organization.slug: organization for organization in organizations}
        self._by_id = {str(o.id): o for o in self._by_slug.values()}
        self._by_number = {n: o for o in self._by_slug.values() for n in o.numbers}
        self._default = next((o for o in self._by_slug.values() if o.default), None)

    def __iter__(self) -> Iterator[Organization]:
        return iter(self._by_slug.values())

    def __len__(self) -> int:
        return len(self._by_slug)

    @property
    def default(self) -> Organization | None:
        """The organization that answers numbers which nobody lists."""
        return self._default

    def by_slug(self, slug: str) -> Organization:
        """Find an organization by its slug.

        Raises:
            UnknownOrganizationError: No file has this slug.
        """
        try:
            return self._by_slug[slug]
        except KeyError:
            raise UnknownOrganizationError from None

    def by_id(self, organization_id: str) -> Organization:
        """Find an organization by its id.

        Raises:
            UnknownOrganizationError: No file has this id.
        """
        try:
            return self._by_id[organization_id]
        except KeyError:
            raise UnknownOrganizationError from None

    def by_number(self, number: str | None) -> Organization:
        """Find the organization that answers a called number (E.164), else the default one.

        Raises:
            UnknownNumberError: Nobody lists the number and no organization is the default.
        """
        organization = self._by_number.get(number or "", self._default)
        if organization is None:
            raise UnknownNumberError
        return organization


def load_organizations(folder: Path) -> Organizations:
    """Read every `*.yaml` of a folder.

    Raises:
        OrganizationsError: A file cannot be read or used, two organizations claim the same slug,
            id or number, or there is none; every problem is listed.
    """
    problems: list[str] = []
    loaded: list[Organization] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            loaded.append(_load(path))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            problems += _explain(path, error)
    if not problems:
        problems = _clashes(loaded) if loaded else [f"{folder}: holds no *.yaml file"]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise OrganizationsError(f"The organizations cannot be used:\n{listed}")
    return Organizations(loaded)


def _load(path: Path) -> Organization:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields = {"slug": path.stem} | content if isinstance(content, dict) else content
    return Organization.model_validate(fields)


def _explain(path: Path, error: Exception) -> list[str]:
    if not isinstance(error, ValidationError):
        return [f"{path.name}: {str(error).splitlines()[0]}"]
    return [
        f"{path.name}: {_place(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
    ]


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"


def _clashes(loaded: list[Organization]) -> list[str]:
    claims = [("slug", o.slug, o) for o in loaded] + [("id", str(o.id), o) for o in loaded]
    claims += [("number", n, o) for o in loaded for n in o.numbers]
    claims += [("default", "true", o) for o in loaded if o.default]
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for what, value, organization in claims:
        first = seen.setdefault((what, value), organization.name)
        if first is not organization.name:
            problems.append(f"{organization.slug}: {what} {value} is also claimed by {first}")
    return problems
