"""Certificates for the hosts that the simulator stands in for, of an authority made at its start."""

import ssl
from collections.abc import Iterable
from pathlib import Path

import trustme

__all__ = ["Authority"]


class Authority:
    """A certificate authority that lives as long as the simulator; its key never leaves the process."""

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="Frontdesk simulator")

    def server_context(self, hosts: Iterable[str]) -> ssl.SSLContext:
        """A TLS context that is all of these hosts, for HTTP/1.1."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*hosts).configure_cert(context)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def write(self, path: Path) -> None:
        """Write the authority's certificate, in PEM, for SSL_CERT_FILE and its like."""
        self._authority.cert_pem.write_to_path(str(path))
