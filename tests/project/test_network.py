"""No test leaves this machine."""

import asyncio
import socket

import pytest

ELSEWHERE = ("192.0.2.1", 443)  # TEST-NET-1: documentation only, never routed


def test_a_connection_beyond_loopback_fails() -> None:
    """A test that connects to another machine fails with an error that says so."""
    with socket.socket() as client, pytest.raises(UserWarning, match="A test tried to use socket"):
        client.connect(ELSEWHERE)


async def test_asyncio_is_held_back_too() -> None:
    """Event loops connect through the same guarded socket."""
    with pytest.raises(UserWarning, match="A test tried to use socket"):
        await asyncio.open_connection(*ELSEWHERE)


async def test_loopback_is_open() -> None:
    """A server of our own on this machine can be reached."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.close()
        await writer.wait_closed()
