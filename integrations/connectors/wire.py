"""The sockets under `http.HttpClient`: bounded by the whole call's deadline, watched, off private addresses.

A read timeout bounds one ``recv``: a server that sends a byte a second never meets it. Here every read asks
the clock how much of the whole call is left. The wire also notes whether any byte of a call has left us, as
that decides between "nothing happened" and "nobody knows".
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection


class Wire:
    """What the sockets of one client share. Used by one thread at a time.

    ``until`` is the monotonic time at which the present call ends, ``sent`` whether a byte of it may have
    left, ``refused_address`` the private address that was not called.
    """

    def __init__(self, *, allow_private: bool, connect_seconds: float) -> None:
        self.allow_private = allow_private
        self.connect_seconds = connect_seconds
        self.until = 0.0
        self.sent = False
        self.refused_address = ""

    def begin(self, seconds: float) -> None:
        """Start a call that may last ``seconds``."""
        self.until = time.monotonic() + seconds
        self.sent = False
        self.refused_address = ""

    def remaining(self) -> float:
        """Seconds left of the call. Raises ``TimeoutError`` when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's deadline has passed")
        return left

    def open_socket(self, connection: HTTPConnection) -> socket.socket:
        """Resolve, vet and connect. Raises urllib3's connection errors.

        The vetted address itself is called, so a second answer of the name server cannot lead elsewhere.
        """
        host, port = connection._dns_host, connection.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(host, connection, error) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self._refuse_private(connection, addresses)
        failure: OSError | None = None
        for address in addresses:
            try:
                return create_connection(
                    (address, port),
                    min(self.connect_seconds, self.remaining()),
                    socket_options=connection.socket_options,
                )
            except TimeoutError as error:
                raise ConnectTimeoutError(connection, f"no connection to {host} in time") from error
            except OSError as error:
                failure = error
        raise NewConnectionError(connection, f"no connection to {host}: {failure}")

    def _refuse_private(self, connection: HTTPConnection, addresses: list[str]) -> None:
        if self.allow_private:
            return
        for address in addresses:
            if not is_public(address):
                self.refused_address = address
                raise NewConnectionError(connection, f"{address} is a private address")


def is_public(address: str) -> bool:
    """Whether an IP address in text is one of the open internet."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    return ip.is_global and not ip.is_multicast


class _TimedFile(io.RawIOBase):
    """A socket's read side that may never outlast the call."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._sock = sock
        # The socket's own file keeps it open for as long as an answer is being read.
        self._file = sock.makefile("rb", buffering=0)
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._wire.remaining())
        return self._file.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _TimedSocket:
    """What ``http.client`` needs of a socket to read an answer."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._sock = sock
        self._wire = wire

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedFile(self._sock, self._wire), 65536)


def _response_class(wire: Wire) -> type[http.client.HTTPResponse]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__(_TimedSocket(sock, wire), *args, **kwargs)  # type: ignore[arg-type]

    return Response


def _pool_classes(wire: Wire) -> dict[str, type[HTTPConnectionPool]]:
    answer = _response_class(wire)

    class Watched(HTTPConnection):
        response_class = answer

        def _new_conn(self) -> socket.socket:
            return wire.open_socket(self)

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            self.sock.settimeout(wire.remaining())
            wire.sent = True
            super().send(data)

    class WatchedTls(Watched, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Watched

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = WatchedTls

    return {"http": Pool, "https": TlsPool}


class WireAdapter(HTTPAdapter):
    """The transport adapter of one client. Repeats nothing by itself: a repeat is the engine's decision."""

    def __init__(self, wire: Wire) -> None:
        self._pool_classes = _pool_classes(wire)
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=Retry(0, read=False))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the signature is requests'
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes
