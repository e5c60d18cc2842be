"""The shapes of OpenAI's chat completions: whole, in chunks, and in error (OpenAI API reference)."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

from frontdesk.simulator.vendors.brain import Answer

__all__ = ["Completion", "error_body"]

_Json: TypeAlias = dict[str, Any]

_ERROR_TYPES = {
    401: "invalid_request_error",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_error",
}
_ERROR_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class Completion:
    """One answer in OpenAI's shapes. Tokens are counted as words."""

    def __init__(self, model: str, messages: Sequence[_Json], answer: Answer) -> None:
        self._answer = answer
        self._call_id = f"call_{uuid4().hex[:24]}"
        self._head = {"id": f"chatcmpl-{uuid4().hex[:29]}", "created": int(time.time()), "model": model}
        self._prompt_tokens = len(json.dumps(messages).split())

    def whole(self) -> _Json:
        """The answer in one piece."""
        message: _Json = {"role": "assistant", "content": self._answer.text or None, "refusal": None}
        if self._answer.call:
            message["tool_calls"] = [self._tool_call(self._arguments())]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def chunks(self, *, usage: bool) -> Iterator[_Json]:
        """The answer word by word; with a last chunk of usage when asked."""
        yield self._chunk({"role": "assistant", "content": None if self._answer.call else ""})
        yield from (self._chunk(delta) for delta in self._deltas())
        yield self._chunk({}, self._finish)
        if usage:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()}

    @property
    def _finish(self) -> str:
        return "tool_calls" if self._answer.call else "stop"

    def _deltas(self) -> Iterator[_Json]:
        if not self._answer.call:
            yield from ({"content": word} for word in re.findall(r"\S+\s*", self._answer.text))
            return
        yield {"tool_calls": [{"index": 0, **self._tool_call("")}]}
        for piece in re.findall(r".{1,8}", self._arguments()):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}

    def _tool_call(self, arguments: str) -> _Json:
        name = self._answer.call.name if self._answer.call else ""
        return {"id": self._call_id, "type": "function", "function": {"name": name, "arguments": arguments}}

    def _arguments(self) -> str:
        return json.dumps(self._answer.call.arguments if self._answer.call else {})

    def _chunk(self, delta: _Json, finish: str | None = None) -> _Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _usage(self) -> _Json:
        count = len(self._answer.text.split()) or len(self._arguments())
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": count,
            "total_tokens": self._prompt_tokens + count,
        }


def error_body(status: int, message: str, *, code: str | None = None, param: str | None = None) -> _Json:
    """An error in OpenAI's shape."""
    kind = _ERROR_TYPES.get(status, "invalid_request_error")
    return {
        "error": {"message": message, "type": kind, "param": param, "code": code or _ERROR_CODES.get(status)}
    }
