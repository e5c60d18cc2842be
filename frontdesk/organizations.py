"""The organizations that Frontdesk answers for: one YAML file each, in `clinics/`."""

from collections.abc import Iterable, Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    field_validator,
    model_validator,
)

from frontdesk.errors import UnknownNumberError, UnknownOrganizationError, UnknownWorkflowError
from frontdesk.phone import dialable

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)]


_NOWHERE = frozenset({"localtime", "posixrules", "Factory"})
"""Names that a machine's zone database may hold, and that say nothing of where somebody is."""


def known_timezone(name: str) -> str:
    """The name, if it is one of the IANA database.

    Raises:
        ValueError: It is not.
    """
    problem = ValueError("is no time zone of the IANA database, such as America/New_York")
    if name in _NOWHERE:
        raise problem
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise problem from None
    return name


def _time_of_day(value: object) -> object:
    """YAML takes a bare 21:00 for the number 1260, which would become 00:21."""
    if isinstance(value, str | time):
        return value
    raise ValueError('must be a time of day in quotes, such as "21:00"')


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("must be a time of day without an offset")
    return value


Clock = Annotated[time, BeforeValidator(_time_of_day), AfterValidator(_without_offset)]


class OrganizationsError(Exception):
    """The files of `clinics/` cannot be used; the text lists every problem by file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hours(_Model):
    """When the doors are open on one day, in the organization's own time zone."""

    opens: Clock
    closes: Clock

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
    may_call_url: HttpUrl | None = Field(None, description="Asked right before each dial; only a yes dials.")
    secret_env: Variable | None = Field(
        None,
        description="Environment variable with the whsec_ secret; after a comma, the one being replaced.",
    )
    allow_private: bool = Field(False, description="The CRM may be inside the private network, without TLS.")


class QuietHours(_Model):
    """When nobody is called, in the callee's own time zone: from the evening until the morning.

    The default is the rule for telephone solicitations in the United States, 47 CFR 64.1200(c)(1).
    """

    begin: Clock = time(21)
    end: Clock = time(8)

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.begin == self.end:
            raise ValueError("begin and end must differ, or no hour would be left to call")
        return self


class Holidays(_Model):
    """Days on which the organization calls nobody.

    `country` and `subdivision` are ISO 3166 codes, as the `holidays` library takes them.
    """

    country: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    subdivision: str | None = Field(None, max_length=10)
    extra: tuple[date, ...] = ()


class Frequency(_Model):
    """How often one number may be called, by all campaigns and single calls together.

    The default is what 47 CFR 64.1200(a)(3)(v) and (9)(iv) allow health care providers.
    """

    per_day: int | None = Field(1, ge=1, description="In 24 hours; null for no limit.")
    per_week: int | None = Field(3, ge=1, description="In 7 days; null for no limit.")
    min_gap_minutes: float = Field(
        60, ge=0, le=10_080, description="Between two calls, in minutes; also after a busy line."
    )


class Concurrency(_Model):
    """Most calls out at once; null for no limit but the gateway's own."""

    calls: int | None = Field(None, ge=1)
    per_caller_id: int | None = Field(None, ge=1)


class Outreach(_Model):
    """What calls out must obey. The defaults are careful; they are no legal advice."""

    quiet_hours: QuietHours = QuietHours()
    within_opening_hours: bool = Field(True, description="Call only while the organization is open.")
    holidays: Holidays = Holidays()
    frequency: Frequency = Frequency()
    consent: bool = Field(False, description="Call only those who agreed, by patient record or request.")
    default_timezone: str | None = Field(
        None, description="Of callees whose own is not known; without it they are not called."
    )
    concurrency: Concurrency = Concurrency()

    @field_validator("default_timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)


class CallerId(_Model):
    """A number of the organization that callees may be shown."""

    id: UUID = Field(description="Daily's id of the purchased number.")
    number: str | None = Field(None, description="The number itself, E.164.")

    @field_validator("number")
    @classmethod
    def _e164(cls, value: str | None) -> str | None:
        return None if value is None else dialable(value)


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
    caller_ids: tuple[CallerId, ...] = Field((), description="All numbers that callees may be shown.")
    outreach: Outreach = Outreach()
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
        return known_timezone(value)

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
