"""Where each organization wants to be told, and with which secrets; every problem is found at start."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dotenv import dotenv_values
from pydantic import HttpUrl

from frontdesk.crm.events import EVENT_TYPES
from frontdesk.crm.signing import Signer, problem_of
from frontdesk.organizations import CrmEvents, Organization, Organizations
from frontdesk.settings import SettingsError
from frontdesk.settings.ledger import LedgerSettings


class EndpointsError(SettingsError):
    """The CRM of an organization cannot be told; the text lists every problem, without any secret."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that is told of an organization's events.

    Args:
        id: Follows from the organization and the URL, so that it stays the same when a secret changes.
        types: Only these; all when empty.
    """

    id: str
    organization_id: str
    url: str
    signer: Signer = field(repr=False)
    types: frozenset[str] = frozenset()
    allow_private: bool = False

    def wants(self, event_type: str) -> bool:
        """Whether it is told of events of this type."""
        return not self.types or event_type in self.types


@dataclass(frozen=True, slots=True)
class Caller:
    """An address that is asked something: who is calling, or whether to call."""

    url: str
    signer: Signer = field(repr=False)
    allow_private: bool = False


class Endpoints:
    """All endpoints, and the organizations' names for the events."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint] = (),
        callers: Mapping[str, Caller] | None = None,
        slugs: Mapping[str, str] | None = None,
        may_call: Mapping[str, Caller] | None = None,
    ) -> None:
        self._by_id = {endpoint.id: endpoint for endpoint in endpoints}
        self._callers = dict(callers or {})
        self._may_call = dict(may_call or {})
        self._slugs = dict(slugs or {})
        self._of: dict[str, tuple[Endpoint, ...]] = {}
        for endpoint in self._by_id.values():
            known = self._of.get(endpoint.organization_id, ())
            self._of[endpoint.organization_id] = (*known, endpoint)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._by_id.values())

    def __getitem__(self, endpoint_id: str) -> Endpoint:
        return self._by_id[endpoint_id]

    def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint with an id."""
        return self._by_id.get(endpoint_id)

    def of(self, organization_id: str) -> tuple[Endpoint, ...]:
        """The endpoints of an organization."""
        return self._of.get(organization_id, ())

    def caller(self, organization_id: str) -> Caller | None:
        """Whom to ask who is calling the organization."""
        return self._callers.get(organization_id)

    def may_call(self, organization_id: str) -> Caller | None:
        """Whom to ask before the organization calls somebody."""
        return self._may_call.get(organization_id)

    def slug(self, organization_id: str) -> str | None:
        """The organization's name in URLs and events."""
        return self._slugs.get(organization_id)


def load_endpoints(
    organizations: Organizations, settings: LedgerSettings, environment: Mapping[str, str] | None = None
) -> Endpoints:
    """Take the endpoints from `clinics/*.yaml` and, for the default organization, from the settings.

    Args:
        organizations: Each may have a `crm` section.
        settings: `crm_*`.
        environment: Holds the secrets; the process's own and `.env` when None.

    Raises:
        EndpointsError: Secrets are missing or wrong, or addresses are not https; all problems are listed.
    """
    loading = _Loading(os_environment() if environment is None else environment)
    for organization in organizations:
        loading.section(organization)
    loading.settings(settings, organizations.default)
    if loading.problems:
        raise EndpointsError("The CRM cannot be told:\n" + "\n".join(f"  {p}" for p in loading.problems))
    slugs = {str(organization.id): organization.slug for organization in organizations}
    return Endpoints(loading.endpoints, loading.callers, slugs, loading.may_call)


def os_environment() -> dict[str, str]:
    """The process's variables over those of `.env`, as for the settings."""
    if os.environ.get("PYTHON_DOTENV_DISABLED"):
        return dict(os.environ)
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return from_file | dict(os.environ)


def endpoint_id(organization_id: str, url: str) -> str:
    """The id of an endpoint."""
    return "ep_" + hashlib.sha256(f"{organization_id} {url}".encode()).hexdigest()[:16]


class _Loading:
    """Collects endpoints and problems."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.endpoints: list[Endpoint] = []
        self.callers: dict[str, Caller] = {}
        self.may_call: dict[str, Caller] = {}
        self.problems: list[str] = []

    def section(self, organization: Organization) -> None:
        """Take what an organization's file says."""
        crm, place = organization.crm, f"{organization.slug}: crm"
        for index, events in enumerate(crm.events):
            where = f"{place}.events.{index}"
            signer = self._signer(events.secret_env or crm.secret_env, where)
            self._add(organization, events, signer, crm.allow_private, where)
        for name, url in (("caller_url", crm.caller_url), ("may_call_url", crm.may_call_url)):
            if url is not None:
                signer = self._signer(crm.secret_env, f"{place}.{name}")
                asked = self._asked_at(url, signer, crm.allow_private, f"{place}.{name}")
                self._ask(organization, name, asked, f"{place}.{name}")

    def settings(self, settings: LedgerSettings, default: Organization | None) -> None:
        """Take what the settings say of the default organization."""
        events_url = settings.crm_events_url
        questions = {"CRM_CALLER_URL": settings.crm_caller_url, "CRM_MAY_CALL_URL": settings.crm_may_call_url}
        asked = {name: url for name, url in questions.items() if url is not None}
        secrets = [secret.get_secret_value() for secret in settings.crm_secrets]
        problems = [problem for problem in map(problem_of, secrets) if problem]
        self.problems += [f"CRM_SECRETS: {problem}" for problem in problems]
        if events_url is None and not asked:
            return
        if not secrets:
            self.problems.append("CRM_SECRETS: must be set, so that the CRM can tell whose events it gets")
        if default is None:
            self.problems.append(
                f"{', '.join(('CRM_EVENTS_URL', *questions))}: no organization is the default"
            )
            return
        signer = Signer(secrets) if secrets and not problems else None
        if events_url is not None:
            events = CrmEvents(url=events_url, secret_env=None)
            self._add(default, events, signer, settings.crm_allow_private, "CRM_EVENTS_URL")
        for name, url in asked.items():
            whom = self._asked_at(url, signer, settings.crm_allow_private, name)
            self._ask(default, name.removeprefix("CRM_").lower(), whom, name)

    def _add(
        self,
        organization: Organization,
        events: CrmEvents,
        signer: Signer | None,
        allow_private: bool,
        where: str,
    ) -> None:
        organization_id, url = str(organization.id), str(events.url)
        new_id = endpoint_id(organization_id, url)
        unknown = sorted(set(events.types) - EVENT_TYPES)
        if unknown:
            self.problems.append(f"{where}.types: there is no {', '.join(unknown)}")
        if any(endpoint.id == new_id for endpoint in self.endpoints):
            self.problems.append(f"{where}: the same address is named twice")
        if self._reachable(events.url, allow_private, where) and signer is not None:
            types = frozenset(events.types)
            self.endpoints.append(Endpoint(new_id, organization_id, url, signer, types, allow_private))

    def _asked_at(
        self, url: HttpUrl, signer: Signer | None, allow_private: bool, where: str
    ) -> Caller | None:
        if not self._reachable(url, allow_private, where) or signer is None:
            return None
        return Caller(str(url), signer, allow_private)

    def _ask(self, organization: Organization, question: str, whom: Caller | None, where: str) -> None:
        known = self.callers if question == "caller_url" else self.may_call
        if str(organization.id) in known:
            self.problems.append(f"{where}: the organization already asks another address this")
        if whom is not None:
            known[str(organization.id)] = whom

    def _reachable(self, url: HttpUrl, allow_private: bool, where: str) -> bool:
        problems = []
        if url.scheme != "https" and not allow_private:
            problems.append(f"{where}: must begin with https:// unless allow_private is set")
        if url.username or url.password:
            problems.append(f"{where}: must not hold a user name or password; what is sent is signed")
        self.problems += problems
        return not problems

    def _signer(self, variable: str | None, where: str) -> Signer | None:
        if variable is None:
            self.problems.append(f"{where}: secret_env must name the variable that holds the secret")
            return None
        secrets = [part.strip() for part in self._environment.get(variable, "").split(",") if part.strip()]
        problems = [problem for problem in map(problem_of, secrets) if problem]
        if not secrets:
            problems.append("must be set to a whsec_ secret")
        self.problems += [f"{variable} ({where}): {problem}" for problem in problems]
        return None if problems else Signer(secrets)
