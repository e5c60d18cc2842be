"""What may be wrong with a request for a call out."""

from frontdesk.errors.base import FrontdeskError
from frontdesk.errors.doors import RequestError
from frontdesk.errors.storage import StorageError


class IdempotencyConflictError(RequestError):
    """The key was used for another request."""

    code = "idempotency_conflict"
    status = 409
    title = "The key belongs to another request"
    advice = "Repeat the first request as it was, or use a new `Idempotency-Key` or `external_id`."


class IdempotencyInProgressError(RequestError):
    """The same request is being accepted at this moment."""

    code = "idempotency_in_progress"
    status = 409
    retryable = True
    title = "The same request is being accepted"
    advice = "Repeat it after `retry_after_s`: the answer is the first request's."


class IdempotencyKeyInvalidError(RequestError):
    """The key cannot be one."""

    code = "idempotency_key_invalid"
    status = 400
    title = "The Idempotency-Key cannot be used"
    advice = "Send 1 to 255 visible ASCII characters, such as a UUID."


class OutcomeUnknownError(StorageError):
    """Nobody knows whether the request was accepted."""

    code = "outcome_unknown"
    status = 503
    retryable = True
    title = "It is not known whether the request was accepted"
    advice = "Repeat it with the same key: no second phone rings. Without a key, look for the call first."


class TimezoneUnknownError(RequestError):
    """Nobody said where the callee is."""

    code = "timezone_unknown"
    status = 422
    title = "The callee's time zone is not known"
    advice = "Send `timezone` (IANA), or store it with the patient: it is never guessed from the number."


class PatientNotFoundError(RequestError):
    """No such patient, or one of another organization."""

    code = "patient_not_found"
    status = 404
    title = "There is no such patient"
    advice = "Store the patient with `PUT /patients/{patient_id}`, or send `phone_number`."


class CampaignNotFoundError(RequestError):
    """No such campaign, or one of another organization."""

    code = "campaign_not_found"
    status = 404
    title = "There is no such campaign"
    advice = "`GET /campaigns` lists those of your organization."


class CampaignStateError(RequestError):
    """The campaign is not in a state for this."""

    code = "campaign_state"
    status = 409
    title = "The campaign is not in a state for this"
    advice = "`state` of the campaign says where it stands."


class CampaignFileError(RequestError):
    """The file cannot be read at all."""

    code = "campaign_file"
    status = 422
    title = "The file cannot be read"
    advice = "`errors` says what is wrong; send CSV with a header, or JSON lines, in UTF-8."


class UploadsFullError(FrontdeskError):
    """Too much is being received and read at this moment."""

    code = "uploads_full"
    status = 503
    retryable = True
    title = "There is no room for the file at the moment"
    advice = "Send it again after `retry_after_s`: other files are being read."


class NumberNotListedError(RequestError):
    """The number is not on the do-not-call list."""

    code = "number_not_listed"
    status = 404
    title = "The number is not on the do-not-call list"
    advice = "Nothing to do."


class EngineUnavailableError(StorageError):
    """The queue of calls out cannot be reached now."""

    code = "engine_unavailable"
    status = 503
    retryable = True
    title = "The queue of calls out cannot be reached"
    advice = "Calls wait in the books meanwhile. Check ENGINE_DATABASE_URL, and the space on the disk."
