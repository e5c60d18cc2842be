"""What the API says of campaigns. Times are RFC 3339 in UTC."""

from pydantic import BaseModel, ConfigDict, Field

from frontdesk.calls.views import Moment, Object, moment, moment_or_none
from frontdesk.campaigns.counts import Counts
from frontdesk.campaigns.models import Campaign, CampaignState, Report
from frontdesk.campaigns.row_store import ProblemRow
from frontdesk.campaigns.store import Entry


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileReport(_View):
    """What the file held, in rows; while it is being read, so far."""

    rows: int
    callable: int = Field(description="Rows that become calls.")
    invalid: int = Field(description="With a wrong or missing value.")
    duplicates: int = Field(description="With the number of an earlier row.")
    do_not_call: int = Field(description="With a number on the do-not-call list.")
    refused: int = Field(description="Good when they were read, and refused when their turn came.")
    variables: tuple[str, ...] = Field(description="Columns that became variables.")
    error: str | None = Field(description="Why the file could not be read to the end.")


class Progress(_View):
    """How far a campaign has come; `pending` to `canceled` add up to `total`."""

    total: int = Field(description="Rows that can be called.")
    pending: int = Field(description="Rows that are no calls yet.")
    waiting: int = Field(description="Calls that wait for an attempt.")
    going_on: int = Field(description="Calls that are being made.")
    ended: int = Field(description="Calls that are over.")
    expired: int = Field(description="Rows that never became calls: the campaign's time was over before.")
    canceled: int = Field(description="Rows that never became calls: the campaign was canceled before.")
    states: dict[str, int] = Field(description="Calls by state.")
    reasons: dict[str, int] = Field(description="Calls that are over, by `ended_reason`.")


class CampaignSummary(_View):
    """A campaign in a list."""

    campaign_id: str
    organization_id: str
    name: str
    state: CampaignState
    paused_why: str | None = Field(
        description="`requested`, or why it paused by itself: `calls_fail`, `rows_refused`, "
        "`organization_gone` or `fault`; its log tells more."
    )
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None = Field(description="When its last call had ended.")
    report: FileReport


class CampaignView(CampaignSummary):
    """A campaign, and how far it has come."""

    settings: Object
    progress: Progress


class CampaignPage(_View):
    """A page of campaigns, newest first."""

    campaigns: tuple[CampaignSummary, ...]
    next_cursor: str | None = Field(description="Null on the last page.")


class RowProblem(_View):
    """What is wrong with one field of a row."""

    field: str
    message: str
    code: str = Field("invalid", description="`invalid`, `duplicate` or `do_not_call`.")


class RowProblems(_View):
    """A row that is not called."""

    row: int = Field(description="From 1; header and empty lines are not counted.")
    problems: tuple[RowProblem, ...]


class ProblemPage(_View):
    """Rows that are not called, in order."""

    rows: tuple[RowProblems, ...]
    next_cursor: str | None = Field(description="Null on the last page.")


class LogEntry(_View):
    """One thing that happened to a campaign."""

    at: Moment
    what: str
    by: str = Field(description="Id of the API key, `operator`, `local` or `gateway`.")
    data: Object


class CampaignLog(_View):
    """What happened to a campaign, oldest first."""

    entries: tuple[LogEntry, ...]


def summary_view(campaign: Campaign) -> CampaignSummary:
    """A campaign in a list."""
    return CampaignSummary(
        campaign_id=campaign.id,
        organization_id=campaign.organization_id,
        name=campaign.name,
        state=campaign.state,
        paused_why=campaign.paused_why if campaign.state is CampaignState.PAUSED else None,
        created_at=moment(campaign.created_at),
        started_at=moment_or_none(campaign.started_at),
        ended_at=moment_or_none(campaign.ended_at),
        report=_report(campaign.report),
    )


def campaign_view(campaign: Campaign, counts: Counts) -> CampaignView:
    """A campaign, and how far it has come."""
    progress = Progress(
        total=campaign.report.callable,
        **counts.rows_left(campaign),
        waiting=counts.waiting,
        going_on=counts.going_on,
        ended=counts.ended,
        states=counts.states,
        reasons=counts.reasons,
    )
    summary = summary_view(campaign)
    told = {name: getattr(summary, name) for name in CampaignSummary.model_fields}
    return CampaignView(**told, settings=campaign.settings, progress=progress)


def problems_view(rows: list[ProblemRow], limit: int) -> ProblemPage:
    """A page of problems; `rows` holds one more than the page when another one follows."""
    shown = rows[:limit]
    return ProblemPage(
        rows=tuple(
            RowProblems(row=row.number, problems=tuple(RowProblem(**one) for one in row.problems))
            for row in shown
        ),
        next_cursor=str(shown[-1].number) if len(rows) > limit else None,
    )


def log_view(entries: list[Entry]) -> CampaignLog:
    """What happened to a campaign."""
    return CampaignLog(
        entries=tuple(LogEntry(at=moment(one.at), what=one.what, by=one.by, data=one.data) for one in entries)
    )


def _report(report: Report) -> FileReport:
    return FileReport(**{name: getattr(report, name) for name in FileReport.model_fields})
