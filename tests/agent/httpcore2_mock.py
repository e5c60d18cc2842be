"""respx in front of openai 3, which speaks through httpcore2: the same mocker with that package's names."""

from typing import Any, ClassVar

import httpcore2
import respx
from respx.mocks import HTTPCoreMocker


class HTTPCore2Mocker(HTTPCoreMocker):
    """Patches httpcore2's transports as respx patches httpcore's."""

    name = "httpcore2"
    targets: ClassVar[list[str]] = [
        target.replace("httpcore.", "httpcore2.") for target in HTTPCoreMocker.targets
    ]

    @classmethod
    def from_sync_httpx_response(cls, httpx_response: Any, target: Any, **_: Any) -> httpcore2.Response:
        return httpcore2.Response(
            status=httpx_response.status_code,
            headers=httpx_response.headers.raw,
            content=httpx_response.stream,
            extensions=httpx_response.extensions,
        )

    @classmethod
    async def from_async_httpx_response(
        cls, httpx_response: Any, target: Any, **kwargs: Any
    ) -> httpcore2.Response:
        return cls.from_sync_httpx_response(httpx_response, target, **kwargs)


def openai_router(**options: Any) -> respx.MockRouter:
    """A router that stands in front of every OpenAI client made while it is active."""
    return respx.MockRouter(using=HTTPCore2Mocker.name, **options)
