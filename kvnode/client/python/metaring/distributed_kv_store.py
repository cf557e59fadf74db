# SPDX-License-Identifier: Apache-2.0
"""DistributedKVStore: put, get and delete on whichever nodes a function names."""

import os
from typing import Any

from .client import Client
from .keyspace import Keyspace
from .node_set import NodeSource
from .transaction import Text

KEYSPACE_DEFAULT = 'default'


class DistributedKVStore:
    """Thread-safe, and a context manager.

    `node_id` names this program in the nodes' logs. `get_node_list_func` returns the nodes as
    'HOST:PORT' or (host, port); it is asked now, and again whenever a node fails, so nodes may come
    and go. When it fails itself, later, the nodes that it named last are used.

    `keyspace` must exist (kvctl keyspace create, Client.keyspace_create). Certificates are given as
    `ca`, `cert` and `key`, or in a kvctl.toml: `config`, else the one that METARING_CONFIG names,
    else the user's; endpoints in it are not used. Other options are those of Client.

    Keys and values are bytes or str, which stands for its UTF-8; `get` returns bytes.
    """

    def __init__(self, node_id: object, get_node_list_func: NodeSource, *,
                 keyspace: str = KEYSPACE_DEFAULT, config: str | os.PathLike[str] | None = None,
                 **options: Any) -> None:
        self.node_id = node_id
        self._client = Client(get_node_list_func, config=config, name=str(node_id), **options)
        self._keyspace: Keyspace = self._client.keyspace(keyspace)

    def __enter__(self) -> 'DistributedKVStore':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def put(self, key: Text, value: Text) -> None:
        self._keyspace.put(key, value)

    def get(self, key: Text) -> bytes | None:
        """None for a missing key."""
        return self._keyspace.get(key)

    def delete(self, key: Text) -> bool:
        """Whether there was such a key."""
        return self._keyspace.delete(key)
