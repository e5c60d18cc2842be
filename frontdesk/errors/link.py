"""What may be wrong with a bot's report."""

from frontdesk.errors.doors import DoorError, RequestError


class LinkTokenInvalidError(DoorError):
    """A bot's token is missing, not ours, or belongs to another call."""

    code = "link_token_invalid"
    title = "The token is not good for this call"
    advice = "Send the token of this call's start request as `Authorization: Bearer <token>`."


class LinkTokenExpiredError(DoorError):
    """A bot's token is older than its call can last."""

    code = "link_token_expired"
    title = "The token has expired"
    advice = "Stop reporting: no call lasts as long as its token."


class LinkCallUnknownError(RequestError):
    """A bot reports of a call that the ledger does not know, yet."""

    code = "link_call_unknown"
    status = 404
    retryable = True
    title = "The ledger does not know this call yet"
    advice = "Send the same reports again in a moment: the call's record may still be on its way."


class LinkCallGoneError(RequestError):
    """A bot reports of a call that the ledger does not know although it began long ago: it was erased."""

    code = "link_call_gone"
    status = 410
    title = "The ledger does not know this call any more"
    advice = "Stop reporting."


class LinkUndecidedError(RequestError):
    """A bot asks whether it may dial while the database does not answer."""

    code = "link_undecided"
    status = 503
    retryable = True
    title = "It is not known yet whether this bot may dial"
    advice = "Ask again with the same `session_id`; dial only after `granted`."
