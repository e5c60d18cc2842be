"""What is no HTTP at all gets a problem, too, though it never reaches the app."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from frontdesk.doors.problems import problem_response
from frontdesk.doors.requests import new_request_id
from frontdesk.errors import RequestError


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the answer to what it cannot read."""

    def send_400_response(self, msg: str) -> None:
        """Answer with problem+json and hang up."""
        request_id = new_request_id()
        answer = problem_response(
            RequestError(msg), request_id, {"X-Request-Id": request_id, "Connection": "close"}
        )
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + bytes(answer.body))
        self.transport.close()
