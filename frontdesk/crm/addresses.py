"""Which addresses a CRM may have: public ones, unless its organization allows others.

Checked where the socket is made, so on the very address that is connected to: a name that resolves to
something else the second time, or an address in an odd spelling, changes nothing.
"""

import errno
import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

from aiohttp.connector import AddrInfoType

NOT_ALLOWED = "address_not_allowed"
# Translations of IPv4 into IPv6: what counts is the address inside (RFC 6052 §2.1).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Reachable by the letter of the registries, yet never a CRM: tunnels and relays to an IPv4 address inside
# (6to4, Teredo, IPv4-compatible), local translation (RFC 8215), old site-local, ORCHID, documentation,
# and the addresses at which a cloud serves its machines.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2002::/16",
        "2001::/23",
        "::/96",
        "64:ff9b:1::/48",
        "fec0::/10",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "192.88.99.0/24",
        "168.63.129.16/32",
    )
)


class AddressNotAllowedError(OSError):
    """The address is inside a private network, on this machine, or otherwise not public."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, NOT_ALLOWED)


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(parsed)
    if inner is not None:
        return is_public(str(inner))
    reserved = parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified
    return parsed.is_global and not reserved and not any(parsed in network for network in _NEVER)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def public_socket(address: AddrInfoType) -> socket.socket:
    """Make the socket for a connection to a resolved address.

    Raises:
        AddressNotAllowedError: The address is not public.
    """
    family, kind, protocol, _, place = address
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(str(place[0])):
        raise AddressNotAllowedError
    return socket.socket(family, kind, protocol)
