"""Enters campaigns into the books once, however often their file is sent, and has it read."""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import IO, Any

from frontdesk.campaigns.checking import RowCheck
from frontdesk.campaigns.files import CampaignFile, FileError, canonical, open_file
from frontdesk.campaigns.loading import Loader, Loading
from frontdesk.campaigns.models import Campaign, CampaignState, Report
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.campaigns.store import CampaignStore, Entry
from frontdesk.contract import Limits
from frontdesk.dialout.idempotency import key_of
from frontdesk.errors import (
    CampaignFileError,
    CampaignNotFoundError,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    UnknownOrganizationError,
)
from frontdesk.keys.models import Principal
from frontdesk.organizations import Organization, Organizations
from frontdesk.tasks import InFlight

_ID_LABEL = "frontdesk campaign, version 1"
_REQUEST_LABEL = b"frontdesk campaign request, version 1"
_PIECE = 1024 * 1024
_SOON_S = 1.0
_LATER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Who may enter, and what rows are checked against.

    Args:
        organizations: Whose campaigns.
        limits: Of the gateway's calls.
        timezone_needed: Whether a callee's time zone must be known.
        gateway_id: Of this gateway.
        is_dead: Whether another gateway is no more.
        secret: What the digests of requests are derived from.
    """

    organizations: Organizations
    limits: Limits
    timezone_needed: bool
    gateway_id: str
    is_dead: Callable[[str], Awaitable[bool]]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """A campaign in the books; `load` is its file being read here, `replayed`: it was there before."""

    campaign: Campaign
    load: asyncio.Task[None] | None = None
    replayed: bool = False


class Entering:
    """Enters campaigns.

    Args:
        campaigns: In the books.
        loader: Reads files.
        entrance: Who may enter.
        clock: UTC seconds.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        loader: Loader,
        entrance: Entrance,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._campaigns = campaigns
        self._loader = loader
        self._entrance = entrance
        self._clock = clock
        self._key = hmac.new(entrance.secret.encode(), _REQUEST_LABEL, hashlib.sha256).digest()
        self._tasks = InFlight()
        self._entering: set[str] = set()

    async def drain(self, timeout_s: float) -> None:
        """Wait for the files that are being read, but not longer than this."""
        await self._tasks.drain(timeout_s)

    async def enter(
        self, principal: Principal, settings: CampaignSettings, file: IO[bytes], *, key: str | None
    ) -> Entered:
        """Enter a campaign and begin to read its file, unless that was done; see `Campaigns.create`."""
        organization = _organization(self._entrance.organizations, settings.organization, principal)
        looked_at = _looked_at(file)
        check = RowCheck(
            settings,
            organization,
            self._entrance.organizations,
            self._entrance.limits,
            timezone_needed=self._entrance.timezone_needed,
        )
        await check.settings()
        digest = await asyncio.to_thread(self._digest, settings, file)
        campaign = self._new(settings, organization, _id_of(organization, key), digest)
        if campaign.id in self._entering:
            raise IdempotencyInProgressError(retry_after_s=_SOON_S)
        self._entering.add(campaign.id)
        try:
            return await self._enter(campaign, principal, Loading(campaign, looked_at, check), file)
        finally:
            self._entering.discard(campaign.id)

    async def outcome(self, campaign: Campaign) -> Campaign:
        """How a campaign stands after a while.

        Raises:
            CampaignFileError: Its file could not be read to the end.
        """
        now = await self._campaigns.find(campaign.id)
        if now is None:
            raise CampaignNotFoundError
        if now.state is CampaignState.FAILED:
            raise _refusal(now.report.error or "cannot be read", campaign_id=now.id)
        return now

    async def _enter(
        self, campaign: Campaign, principal: Principal, work: Loading, file: IO[bytes]
    ) -> Entered:
        entry = Entry(campaign.created_at, "created", principal.key_id)
        known = await self._campaigns.find(campaign.id)
        if known is None:
            begun = await self._begin(work, file, lambda: self._campaigns.insert(campaign, entry))
        elif await self._is_left(known):
            begun = await self._begin(work, file, lambda: self._campaigns.begin_anew(campaign, entry, known))
        elif known.request_digest != campaign.request_digest:
            raise IdempotencyConflictError
        else:
            return Entered(known, self.under_way.get(known.id), replayed=True)
        return Entered(campaign, begun)

    async def _begin(
        self, work: Loading, file: IO[bytes], write: Callable[[], Awaitable[bool]]
    ) -> asyncio.Task[None]:
        """Write it down, then read; from before it is written until it was read, it counts as under way."""
        campaign_id = work.campaign.id
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        task = self._tasks.start(self._read(work, file, written))
        self.under_way[campaign_id] = task
        task.add_done_callback(lambda _: self.under_way.pop(campaign_id, None))
        try:
            begun = await write()
        except BaseException:
            task.cancel()
            raise
        if not begun:
            task.cancel()
            raise IdempotencyInProgressError(retry_after_s=_SOON_S)
        written.set_result(True)
        return task

    async def _read(self, work: Loading, file: IO[bytes], written: "asyncio.Future[bool]") -> None:
        try:
            await written
            await self._loader.load(work)
        finally:
            file.close()

    async def _is_left(self, known: Campaign) -> bool:
        """Whether nobody reads the file of a campaign that no row of was ever a call."""
        if known.state is CampaignState.FAILED:
            return True
        if known.state is not CampaignState.LOADING or known.id in self.under_way:
            return False
        if known.owner in {None, self._entrance.gateway_id} or await self._entrance.is_dead(
            known.owner or ""
        ):
            return True
        raise IdempotencyInProgressError(retry_after_s=_LATER_S)

    def _new(
        self, settings: CampaignSettings, organization: Organization, campaign_id: str, digest: str
    ) -> Campaign:
        now = self._clock()
        return Campaign(
            id=campaign_id,
            organization_id=str(organization.id),
            name=settings.name,
            state=CampaignState.LOADING,
            settings=settings.model_dump(mode="json", exclude_unset=True),
            report=Report(),
            created_at=now,
            updated_at=now,
            request_digest=digest,
            owner=self._entrance.gateway_id,
        )

    def _digest(self, settings: CampaignSettings, file: IO[bytes]) -> str:
        said = canonical(settings.model_dump(mode="json", exclude_defaults=True))
        digest = hmac.new(self._key, said + b"\0", hashlib.sha256)
        file.seek(0)
        while piece := file.read(_PIECE):
            digest.update(piece)
        return digest.hexdigest()


def _id_of(organization: Organization, key: str | None) -> str:
    found = key_of([] if key is None else [key], None)
    if found is None:
        return uuid.uuid4().hex
    text = "\0".join((_ID_LABEL, str(organization.id), found.text))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _looked_at(file: IO[bytes]) -> CampaignFile:
    try:
        return open_file(file)
    except FileError as error:
        raise _refusal(str(error)) from None


def _refusal(why: str, **extensions: Any) -> CampaignFileError:
    told = [{"field": "file", "message": why}]
    return CampaignFileError(f"The file {why}.", errors=told, **extensions)


def _organization(organizations: Organizations, slug: str | None, principal: Principal) -> Organization:
    if slug is not None:
        found = organizations.by_slug(slug)
        if not principal.sees(str(found.id)):
            raise UnknownOrganizationError
        return found
    if principal.organization_id is not None:
        return organizations.by_id(principal.organization_id)
    if organizations.default is None:
        raise UnknownOrganizationError("Name the `organization`: none of them is the default.")
    return organizations.default
