# SPDX-License-Identifier: Apache-2.0
"""The nodes that a client knows, a pool of connections, and which node is asked.

All requests go to one node as long as it is of use, then to the next one. A connection serves one
call at a time: a call takes an idle one or makes a new one, CONNECTIONS_MAX at most, so that any
number of threads may share a client. On each new connection `hello` is asked first: a node of
another cluster, or of a version that is too far away, gets nothing to do.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from .config import DEADLINE_MS_MAX, Config, Endpoint, parse_endpoints
from .connection import Connection, check_hello, tls_context
from .errors import Cancelled, DeadlineExceeded, Error, ErrorCode, Unavailable, Unsupported
from .retry import AttemptFailed, Repeatable, Retry
from .wire.kv import constants, ttypes

CONNECTIONS_MAX = 16
_log = logging.getLogger('metaring')
Node = str | tuple[str, int]
NodeSource = Callable[[], Iterable[Node]]


class NodeSet:
    """Thread-safe. No lock is held while it talks to a node or calls `source`."""

    def __init__(self, config: Config, client_name: str, source: NodeSource | None) -> None:
        """`source` is asked for the nodes now, and again when one fails; None: those of `config`.
        InvalidArgument for certificates and nodes."""
        self._config = config
        self._client_name = client_name
        self._source = source
        self._context = tls_context(config)
        self._slots = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._closed = threading.Event()
        self._lock = threading.Lock()  # guards what follows
        self._endpoints = config.endpoints if source is None else parse_endpoints(source())
        self._preferred = 0
        self._idle: list[Connection] = []
        self._cluster_id = config.cluster_id

    def close(self) -> None:
        """Calls in flight go on; waiting ones end with Cancelled."""
        self._closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def reload_certificates(self) -> None:
        """Reads the files anew, for connections to come. InvalidArgument; then nothing changes."""
        context = tls_context(self._config)
        with self._lock:
            self._context = context
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def call(self, method: str, request: Any, repeatable: Repeatable, seconds: float) -> Any:
        """The reply struct, within `seconds`, retries included; Error."""
        began = time.monotonic()
        deadline = began + seconds
        retry = Retry(repeatable, began, deadline)
        while True:
            if self._closed.is_set():
                raise retry.final(Cancelled('the client is closed'))
            try:
                return self._attempt(method, request, deadline)
            except AttemptFailed as failure:
                wait = retry.wait_after(failure, time.monotonic(), self._nodes())
            self._closed.wait(wait)

    def _attempt(self, method: str, request: Any, deadline: float) -> Any:
        if not self._slots.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise AttemptFailed(DeadlineExceeded('no connection became free before it was sent'))
        try:
            connection = self._take(deadline)
            try:
                set_deadline(request, deadline - time.monotonic())
                return connection.call(method, request, deadline)
            except AttemptFailed as failure:
                failure.node = connection.endpoint
                # That an answer is too large is not the node's fault.
                if failure.elsewhere or (failure.maybe_done
                                         and failure.error.code is not ErrorCode.TOO_BIG):
                    self._avoid(connection.endpoint)
                raise
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def _take(self, deadline: float) -> Connection:
        while True:
            with self._lock:
                endpoint = self._endpoints[self._preferred]
                # Those to other nodes stay: they were good, and may be again.
                at = next((i for i, each in enumerate(self._idle) if each.endpoint == endpoint), -1)
                connection = self._idle.pop(at) if at >= 0 else None
            if connection is None:
                return self._connect(endpoint, deadline)
            if connection.alive():
                return connection
            connection.close()
            self._ask_source()  # that node has been restarted, or is gone

    def _connect(self, endpoint: Endpoint, deadline: float) -> Connection:
        with self._lock:
            context = self._context
        try:
            connection = Connection(endpoint, self._config, context, deadline)
            try:
                self._greet(connection, deadline)
            except AttemptFailed:
                connection.close()
                raise
        except AttemptFailed as failure:
            # Nothing that was asked for has been sent.
            failure.maybe_done = False
            failure.node = endpoint
            self._avoid(endpoint)
            raise
        return connection

    def _greet(self, connection: Connection, deadline: float) -> None:
        with self._lock:
            cluster_id = self._cluster_id
        request = ttypes.HelloRequest(
            version_min=constants.PROTOCOL_VERSION_MIN, version_max=constants.PROTOCOL_VERSION,
            cluster_id=cluster_id or None, client_name=self._client_name)
        try:
            reply = connection.call('hello', request, deadline)
        except AttemptFailed as failure:
            failure.elsewhere = True
            failure.error = greeting_refused(failure.error)
            raise
        check_hello(reply, connection.endpoint, cluster_id)
        with self._lock:
            self._cluster_id = self._cluster_id or reply.cluster_id

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            keep = connection.usable and not self._closed.is_set()
            if keep:
                self._idle.append(connection)
            # Bounded: idle ones to former nodes make room.
            surplus = self._idle.pop(0) if len(self._idle) > CONNECTIONS_MAX else None
        if not keep:
            connection.close()
        if surplus is not None:
            surplus.close()

    def _nodes(self) -> tuple[Endpoint, ...]:
        with self._lock:
            return tuple(self._endpoints)

    def _avoid(self, endpoint: Endpoint) -> None:
        """That node was of no use: another one is asked from now on."""
        self._ask_source()
        with self._lock:
            if self._endpoints[self._preferred] == endpoint:
                self._preferred = (self._preferred + 1) % len(self._endpoints)

    def _ask_source(self) -> None:
        """When there is one. If it fails, the nodes that are known must do."""
        if self._source is None:
            return
        try:
            fresh = parse_endpoints(self._source())
        except (Error, OSError) as error:
            _log.warning('the list of nodes is not to be had: %s', error)
            return
        with self._lock:
            current = self._endpoints[self._preferred]
            self._endpoints = fresh
            self._preferred = fresh.index(current) if current in fresh else 0


def greeting_refused(error: Error) -> Error:
    """What it means for the calls that wait for it: they were not sent, so it is never what would
    leave their outcome open, nor is it their own fault."""
    if error.code in (ErrorCode.BUSY, ErrorCode.PERMISSION_DENIED, ErrorCode.UNSUPPORTED,
                      ErrorCode.FORMAT_MISMATCH):
        return error
    # One that finds it wrong does not understand the question.
    kind = Unsupported if error.code is ErrorCode.INVALID_ARGUMENT else Unavailable
    return kind(error.message, error.retry_after_ms)


def set_deadline(request: Any, seconds: float) -> None:
    """Tells the node how long the answer is waited for, where the request has a field for it."""
    target = getattr(request, 'target', None)
    holder = request if target is None and hasattr(request, 'deadline_ms') else target
    if holder is not None:
        holder.deadline_ms = min(max(math.ceil(seconds * 1000), 1), DEADLINE_MS_MAX)
