"""Of which organization a request is."""

from typing import Annotated

from fastapi import Query, Request

from frontdesk.errors import UnknownOrganizationError
from frontdesk.keys.models import Principal
from frontdesk.organizations import Organization, Organizations

Slug = Annotated[
    str | None,
    Query(
        alias="organization",
        max_length=60,
        description="Slug; that of the key when absent, or the default one.",
    ),
]


def owner(request: Request, principal: Principal, slug: str | None) -> Organization:
    """The organization that a slug names, else the key's own, else the default one.

    Raises:
        UnknownOrganizationError: There is none for this principal.
    """
    organizations: Organizations = request.app.state.organizations
    if slug is not None:
        named = organizations.by_slug(slug)
        if not principal.sees(str(named.id)):
            raise UnknownOrganizationError
        return named
    if principal.organization_id is not None:
        return organizations.by_id(principal.organization_id)
    if organizations.default is None:
        raise UnknownOrganizationError("Name the `organization`: none of them is the default.")
    return organizations.default
