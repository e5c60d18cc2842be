"""What may go wrong with Daily's REST API beyond the making of rooms."""

from typing import Any

from frontdesk.errors.upstream import UpstreamError


class DailyError(UpstreamError):
    """Daily did not do what it was asked.

    Args:
        detail: One sentence for the reader.
        upstream_status: HTTP status of Daily's answer, when there was one.
        info: Daily's own words, for the log of an operator; never part of an answer of ours.
        **more: As for every error.
    """

    code = "daily_failed"
    title = "Daily did not do what it was asked"

    def __init__(
        self,
        detail: str | None = None,
        *,
        upstream_status: int | None = None,
        info: str = "",
        **more: Any,
    ) -> None:
        super().__init__(detail, **more)
        self.upstream_status = upstream_status
        self.info = info


class DailyUnauthorizedError(DailyError):
    """Daily refused our API key."""

    code = "daily_unauthorized"
    retryable = False
    title = "Daily refused the API key"
    advice = "Set DAILY_API_KEY to a key of the domain that owns the phone numbers."


class DailyRefusedError(DailyError):
    """Daily took the request for wrong (HTTP 400 and its like)."""

    code = "daily_refused"
    retryable = False
    title = "Daily refused the request"
    advice = "Daily's answer says why; `info` in its error object."


class DailyNotFoundError(DailyRefusedError):
    """There is no such thing at Daily."""

    code = "daily_not_found"
    title = "Daily knows no such thing"
    advice = "Check that DAILY_API_KEY belongs to the right domain."


class DailyRateLimitedError(DailyError):
    """Daily's rate limit is reached (Daily docs, REST API rate limits)."""

    code = "daily_rate_limited"
    status = 503
    title = "Daily asks to slow down"
    advice = "Try again after `retry_after_s`."


class DailyUnavailableError(DailyError):
    """Daily could not be reached, was too slow, or answered 5xx or nonsense."""

    code = "daily_unavailable"
    status = 503
    title = "Daily does not answer at the moment"


class WebhookRefusedError(DailyRefusedError):
    """Daily did not register our endpoint for events."""

    code = "daily_webhook_refused"
    title = "Daily did not take our endpoint for its events"
    advice = (
        "Daily posts a test to PUBLIC_URL/daily-events, which must answer 200 quickly: check that the "
        "gateway runs and can be reached there."
    )
