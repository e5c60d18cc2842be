"""What may be wrong with a question about events for the CRM."""

from frontdesk.errors.doors import RequestError


class DeliveryNotFoundError(RequestError):
    """The organization has no such delivery."""

    code = "delivery_not_found"
    status = 404
    title = "There is no such delivery"
    advice = "Use an id from `GET /webhooks/deliveries`; deliveries of erased calls may be gone."


class EndpointNotFoundError(RequestError):
    """The organization has no such endpoint, or it is no longer configured."""

    code = "endpoint_not_found"
    status = 404
    title = "There is no such endpoint"
    advice = "Use an id from `GET /webhooks/endpoints`: the addresses that are configured now."


class EndpointDisabledError(RequestError):
    """The endpoint is disabled, so nothing is sent to it."""

    code = "endpoint_disabled"
    status = 409
    title = "The endpoint is disabled"
    advice = "Enable it first: `POST /webhooks/endpoints/{id}/enable`."
