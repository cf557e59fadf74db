# SPDX-License-Identifier: Apache-2.0
"""Client: a cluster as one program sees it.

    with metaring.Client(config='kvctl.toml') as client:
        client.put('settings', 'colour', 'red')
        client.get('settings', 'colour')  # b'red'
"""

import dataclasses
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

from . import admin
from .config import (DEADLINE_MS_MAX, Config, default_config_file, load_config, parse_endpoints)
from .errors import InvalidArgument
from .keyspace import Item, Keyspace
from .node_set import Node, NodeSet, NodeSource
from .request_ids import RequestIds
from .retry import Repeatable
from .transaction import Text, Transaction, TransactReply
from .volume import Volume
from .wire.kv import ttypes

VERSION = '0.1.0'
_NAME_BYTES_MAX = 128  # of thrift/kv.thrift, HelloRequest


class Client:
    """Thread-safe: each call in flight has a connection of its own, of a pool. Not to be used on
    both sides of a fork. Connects when something is asked.

    `timeout` of each operation is in seconds, retries included; None: that of the client.
    """

    def __init__(self, endpoints: str | Iterable[Node] | NodeSource | None = None, *,
                 config: str | os.PathLike[str] | None = None, ca: str | None = None,
                 cert: str | None = None, key: str | None = None, crl: str | None = None,
                 server_name: str | None = None, cluster_id: str | None = None,
                 timeout: float | None = None, insecure_plain_text: bool | None = None,
                 name: str = '') -> None:
        """`config` names a kvctl.toml (config.py); what is also given as an argument is taken from
        there instead. Without a file, and without endpoints or certificates, the file is that of
        METARING_CONFIG, else ~/.config/metaring/kvctl.toml. `endpoints` may be a function: it is
        asked for the nodes now, and again when one fails. `name` is for the nodes' logs.
        InvalidArgument, NotFound."""
        source = endpoints if callable(endpoints) else None
        fixed = None if endpoints is None or callable(endpoints) else parse_endpoints(endpoints)
        whole = endpoints is not None and bool(ca or cert or key or insecure_plain_text)
        if config is None and not whole:
            config = default_config_file()
        chosen = Config() if config is None else load_config(config)
        given = {'endpoints': fixed, 'ca': ca, 'cert': cert, 'key': key, 'crl': crl,
                 'server_name': server_name, 'cluster_id': cluster_id,
                 'deadline_ms': None if timeout is None else round(timeout * 1000),
                 'insecure_plain_text': insecure_plain_text}
        chosen = dataclasses.replace(
            chosen, **{field: value for field, value in given.items() if value is not None})
        chosen.check()
        if source is None and not chosen.endpoints:
            raise InvalidArgument('no endpoints of the cluster are given')
        self.timeout = chosen.deadline_ms / 1000
        self.request_ids = RequestIds()
        shown = f'metaring-python {VERSION} {name}'.strip().encode('ascii', 'replace')
        self._nodes = NodeSet(chosen, shown[:_NAME_BYTES_MAX].decode(), source)
        self._lock = threading.Lock()
        self._compression: dict[str, int | None] = {}  # guarded by the lock

    def __enter__(self) -> 'Client':
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; later calls are Cancelled."""
        self._nodes.close()

    def reload_certificates(self) -> None:
        """Reads the files of ca, cert, key and crl anew, for connections to come."""
        self._nodes.reload_certificates()

    # --- one keyspace ---

    def keyspace(self, name: str) -> Keyspace:
        """The operations on it, without naming it each time."""
        return Keyspace(self, name)

    def get(self, keyspace: str, key: Text, *, timeout: float | None = None) -> bytes | None:
        """The value; None for a missing key."""
        return self.keyspace(keyspace).get(key, timeout=timeout)

    def multi_get(self, keyspace: str, keys: Sequence[Text], *, timeout: float | None = None
                  ) -> list[bytes | None]:
        """One value for each key, in their order, from one snapshot."""
        return self.keyspace(keyspace).multi_get(keys, timeout=timeout)

    def scan(self, keyspace: str, prefix: Text = b'', **options: Any) -> Iterator[Item]:
        """As Keyspace.scan."""
        return self.keyspace(keyspace).scan(prefix, **options)

    def put(self, keyspace: str, key: Text, value: Text, *, timeout: float | None = None) -> int:
        """The version that the record has now."""
        return self.keyspace(keyspace).put(key, value, timeout=timeout)

    def delete(self, keyspace: str, key: Text, *, timeout: float | None = None) -> bool:
        """Whether there was such a key."""
        return self.keyspace(keyspace).delete(key, timeout=timeout)

    def transact(self, keyspace: str, transaction: Transaction, *, timeout: float | None = None
                 ) -> TransactReply:
        """If every compare holds all is done, else nothing is and the reads are."""
        return self.keyspace(keyspace).transact(transaction, timeout=timeout)

    def volume(self, name: str) -> Volume:
        """The files of a volume, by path."""
        return Volume(self.keyspace(name))

    # --- the node and the cluster ---

    def health_check(self, *, timeout: float | None = None) -> admin.HealthCheck:
        """How the node is that is asked now."""
        return admin.to_health(self._read('health_check', ttypes.HealthCheckRequest(), timeout))

    def stats(self, *, timeout: float | None = None) -> dict[str, int]:
        """The node's counters, by name."""
        reply = self._read('stats', ttypes.StatsRequest(), timeout)
        return dict(reply.counters or {})

    def cluster_map(self, *, timeout: float | None = None) -> admin.ClusterMap:
        return admin.to_cluster_map(self._read('cluster_map', ttypes.ClusterMapRequest(), timeout))

    def keyspace_create(self, name: str, *, mode: admin.Mode | None = None,
                        replicas: int | None = None, write_ack: admin.WriteAck | None = None,
                        placement: admin.Placement | None = None,
                        compression: admin.Compression | None = None,
                        compression_bytes_min: int | None = None,
                        timeout: float | None = None) -> admin.KeyspaceInfo:
        """None: the default of thrift/kv.thrift. Exists. Without a request id: when the answer is
        lost this is UnknownOutcome; keyspace_list tells."""
        wanted = ttypes.Keyspace(name=name, mode=mode, replicas=replicas, write_ack=write_ack,
                                 placement=placement, compression=compression,
                                 compression_bytes_min=compression_bytes_min)
        request = ttypes.KeyspaceCreateRequest(keyspace=wanted)
        reply = self.call('keyspace_create', request, Repeatable.IF_NOT_BEGUN, timeout)
        return admin.to_keyspace(reply.keyspace or ttypes.Keyspace())

    def keyspace_list(self, *, timeout: float | None = None) -> list[admin.KeyspaceInfo]:
        """By name; a client sees those that it has a grant for."""
        reply = self._read('keyspace_list', ttypes.KeyspaceListRequest(), timeout)
        return [admin.to_keyspace(each) for each in reply.keyspaces or []]

    def keyspace_drop(self, name: str, *, timeout: float | None = None) -> None:
        """And all that is in it. NotFound."""
        request = ttypes.KeyspaceDropRequest(name=name)
        self.call('keyspace_drop', request, Repeatable.IF_NOT_BEGUN, timeout)

    def grant_set(self, client: str, keyspace: str, access: admin.Access | None, *,
                  timeout: float | None = None) -> None:
        """What a client may do in a keyspace ('*': in every one); None: nothing any more."""
        grant = ttypes.Grant(client=client, keyspace=keyspace, access=access)
        request = ttypes.GrantSetRequest(grant=grant)
        self.call('grant_set', request, Repeatable.IF_NOT_BEGUN, timeout)

    def grant_list(self, client: str | None = None, *, timeout: float | None = None
                   ) -> list[admin.Grant]:
        """By client, then keyspace. None: of all clients."""
        reply = self._read('grant_list', ttypes.GrantListRequest(client=client), timeout)
        return [admin.to_grant(each) for each in reply.grants or []]

    # --- what keyspaces need of their client ---

    def call(self, method: str, request: Any, repeatable: Repeatable,
             timeout: float | None) -> Any:
        """One request of thrift/kv.thrift as it is generated; the reply struct."""
        seconds = self.timeout if timeout is None else timeout
        if not 0 < seconds <= DEADLINE_MS_MAX / 1000:
            raise InvalidArgument(f'timeout is over 0 and at most {DEADLINE_MS_MAX // 1000} s')
        return self._nodes.call(method, request, repeatable, seconds)

    def compression_bytes_min(self, keyspace: str, timeout: float | None) -> int | None:
        """Asked once: a keyspace keeps it, and one of the same name that is made later can read
        values of either kind."""
        with self._lock:
            if keyspace in self._compression:
                return self._compression[keyspace]
        for each in self.keyspace_list(timeout=timeout):
            if each.name == keyspace:
                zstd = each.compression is admin.Compression.ZSTD
                bytes_min = each.compression_bytes_min if zstd else None
                with self._lock:
                    self._compression[keyspace] = bytes_min
                return bytes_min
        return None

    def _read(self, method: str, request: Any, timeout: float | None) -> Any:
        return self.call(method, request, Repeatable.ALWAYS, timeout)
