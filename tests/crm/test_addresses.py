"""No event leaves for an address inside the private network, however it is spelled or resolved."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from frontdesk.crm.addresses import is_public
from frontdesk.crm.sender import Sender
from tests.crm.receiver import Receiver
from tests.crm.world import endpoint

PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("192.88.99.1", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254"),
    *("fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "2001::1", "2002:7f00:1::"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::808:808", "2002:808:808::", "localhost", ""),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_recognized(address: str) -> None:
    """What is inside, local, reserved, a tunnel to any of these, or no numeric address, is not public."""
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_recognized(address: str) -> None:
    """What the internet routes is public, also in IPv6 spellings of IPv4."""
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1"],
)
async def test_no_spelling_of_loopback_is_reached(receiver: Receiver, host: str) -> None:
    """Loopback is refused in every spelling, at the connection: nothing arrives."""
    url = receiver.url.replace("127.0.0.1", host)
    async with Sender(30) as sender:
        tried = await sender.send(endpoint(url, allow_private=False), "evt_1", b"{}")
    assert tried.error in {"address_not_allowed", "name_not_found", "bad_url"}
    assert receiver.got == []


async def test_loopback_is_reached_where_it_is_allowed(receiver: Receiver) -> None:
    """With `allow_private` the same address takes events."""
    async with Sender(30) as sender:
        tried = await sender.send(endpoint(receiver.url), "evt_1", b"{}")
    assert tried.delivered


class _Rebinding(AbstractResolver):
    """Answers with a public address to whoever looks first, and with loopback afterwards."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "8.8.8.8" if self.asked == 1 else "127.0.0.1"
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_is_rebound_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was public when somebody looked and is loopback when connected to reaches nobody."""
    resolver = _Rebinding()
    assert is_public((await resolver.resolve("crm.example"))[0]["host"])
    connector = aiohttp.TCPConnector

    def with_resolver(**options: Any) -> aiohttp.TCPConnector:
        return connector(**options, resolver=resolver)

    monkeypatch.setattr(aiohttp, "TCPConnector", with_resolver)
    url = receiver.url.replace("127.0.0.1", "crm.example")
    async with Sender(30) as sender:
        refused = await sender.send(endpoint(url, allow_private=False), "evt_1", b"{}")
        allowed = await sender.send(endpoint(url, allow_private=True), "evt_2", b"{}")
    assert (refused.error, allowed.error) == ("address_not_allowed", None)
    assert receiver.ids == ["evt_2"]


async def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect where it likes: the environment's is passed by."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with Sender(30) as sender:
        assert (await sender.send(endpoint(receiver.url), "evt_1", b"{}")).delivered
