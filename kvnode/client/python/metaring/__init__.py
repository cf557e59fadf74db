# SPDX-License-Identifier: Apache-2.0
"""Metaring from Python: see Client, Keyspace, Volume, DistributedKVStore, and errors for what can
go wrong."""

from .admin import (Access, ClusterMap, Compression, Grant, Health, HealthCheck, KeyspaceInfo, Mode,
                    NodeInfo, Placement, WriteAck)
from .client import VERSION as __version__
from .client import Client
from .config import Config, Endpoint, load_config
from .distributed_kv_store import DistributedKVStore
from .errors import (Busy, Cancelled, Conflict, Corrupt, DeadlineExceeded, Error, ErrorCode, Exists,
                     FileTooBig, FormatMismatch, Internal, InvalidArgument, Io, IsDirectory,
                     NameTooLong, NoData, NoSpace, NotDirectory, NotEmpty, NotFound, NotPermitted,
                     OutOfRange, PermissionDenied, ReadOnly, Stale, TooBig, TooManyLinks,
                     Unavailable, UnknownOutcome, Unsupported)
from .keyspace import Item, Keyspace
from .transaction import Record, Transaction, TransactReply, decode_i64, encode_i64
from .volume import DirectoryEntry, Volume
from .volume_records import Stat

__all__ = [
    'Access', 'Busy', 'Cancelled', 'Client', 'ClusterMap', 'Compression', 'Config', 'Conflict',
    'Corrupt', 'DeadlineExceeded', 'DirectoryEntry', 'DistributedKVStore', 'Endpoint', 'Error',
    'ErrorCode', 'Exists', 'FileTooBig', 'FormatMismatch', 'Grant', 'Health', 'HealthCheck',
    'Internal', 'InvalidArgument', 'Io', 'IsDirectory', 'Item', 'Keyspace', 'KeyspaceInfo', 'Mode',
    'NameTooLong', 'NoData', 'NoSpace', 'NodeInfo', 'NotDirectory', 'NotEmpty', 'NotFound',
    'NotPermitted', 'OutOfRange', 'PermissionDenied', 'Placement', 'ReadOnly', 'Record', 'Stale',
    'Stat', 'TooBig', 'TooManyLinks', 'TransactReply', 'Transaction', 'Unavailable',
    'UnknownOutcome', 'Unsupported', 'Volume', 'WriteAck', '__version__', 'decode_i64',
    'encode_i64', 'load_config',
]
