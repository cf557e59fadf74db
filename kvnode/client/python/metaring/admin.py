# SPDX-License-Identifier: Apache-2.0
"""What is asked of a node or the cluster rather than of one keyspace, as plain values."""

import dataclasses
import enum
from typing import Any, TypeVar

from .errors import Unsupported

Kind = TypeVar('Kind', bound=enum.IntEnum)


class Health(enum.IntEnum):
    OK = 1
    READ_ONLY = 2  # reads and deletes go on: the store is full
    DRAINING = 3   # it is about to stop


class Mode(enum.IntEnum):
    STRONG = 1
    EVENTUAL = 2


class WriteAck(enum.IntEnum):
    MAJORITY = 1
    ALL_IN_SYNC = 2


class Placement(enum.IntEnum):
    KEY = 1     # the whole key is hashed
    PARENT = 2  # the key up to and with its last '/'


class Compression(enum.IntEnum):
    NONE = 0
    ZSTD = 1


class Access(enum.IntEnum):
    """Each has those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclasses.dataclass(frozen=True)
class HealthCheck:
    health: Health
    message: str  # for a person; mostly empty
    uptime_seconds: int
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class NodeInfo:
    id: int
    name: str
    address: str  # HOST:PORT for clients
    rack: str


@dataclasses.dataclass(frozen=True)
class ClusterMap:
    cluster_id: str
    epoch: int
    ring_size: int  # slots
    nodes: list[NodeInfo]


@dataclasses.dataclass(frozen=True)
class KeyspaceInfo:
    """What a keyspace is: its name, its id (never used again) and its properties."""

    name: str
    id: int
    mode: Mode
    replicas: int
    write_ack: WriteAck
    placement: Placement
    compression: Compression
    compression_bytes_min: int


@dataclasses.dataclass(frozen=True)
class Grant:
    client: str    # the CN of its certificate
    keyspace: str  # a name, or '*': every keyspace
    access: Access


def _known(kind: type[Kind], value: int | None, default: Kind) -> Kind:
    """Unsupported for one that a newer node has added."""
    try:
        return default if value is None else kind(value)
    except ValueError:
        raise Unsupported(f'the node has a {kind.__name__} {value}, which is not known here'
                          ) from None


def to_health(reply: Any) -> HealthCheck:
    return HealthCheck(_known(Health, reply.health, Health.OK), reply.message or '',
                       reply.uptime_seconds or 0, tuple(reply.warnings or ()))


def to_cluster_map(reply: Any) -> ClusterMap:
    nodes = [NodeInfo(node.id or 0, node.name or '', node.address or '', node.rack or '')
             for node in reply.nodes or []]
    return ClusterMap(reply.cluster_id or '', reply.epoch or 0, reply.ring_size or 0, nodes)


def to_keyspace(keyspace: Any) -> KeyspaceInfo:
    """Fields that are absent have the defaults of the IDL."""
    bytes_min = keyspace.compression_bytes_min
    return KeyspaceInfo(
        keyspace.name or '', keyspace.id or 0, _known(Mode, keyspace.mode, Mode.STRONG),
        3 if keyspace.replicas is None else keyspace.replicas,
        _known(WriteAck, keyspace.write_ack, WriteAck.MAJORITY),
        _known(Placement, keyspace.placement, Placement.KEY),
        _known(Compression, keyspace.compression, Compression.NONE),
        512 if bytes_min is None else bytes_min)


def to_grant(grant: Any) -> Grant:
    return Grant(grant.client or '', grant.keyspace or '',
                 _known(Access, grant.access, Access.READ))
