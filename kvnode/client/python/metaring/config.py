# SPDX-License-Identifier: Apache-2.0
"""Where a cluster is and who this client is, as kvctl.toml says it (kvnode/client/client_config.h):
kvctl, the mount and the C++ client read the same file.

A key that is not one of Config's fields is an error that names the file and the key.
"""

import dataclasses
import os
import pathlib
import tomllib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .errors import InvalidArgument, NotFound

ENDPOINTS_MAX = 64
DEADLINE_MS_DEFAULT = 30_000
DEADLINE_MS_MAX = 3_600_000
ENVIRONMENT = 'METARING_CONFIG'
_PATHS = ('ca', 'cert', 'key', 'crl')
_TEXTS = ('server_name', 'cluster_id')


class Endpoint(NamedTuple):
    """Where a node listens. `host` is a name or a numeric address, without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'


def parse_endpoint(given: str | tuple[str, int]) -> Endpoint:
    """'HOST:PORT', an IPv6 address in brackets; or (host, port). InvalidArgument."""
    host, port = _split(given) if isinstance(given, str) else given
    good_host = isinstance(host, str) and host and all(
        ' ' < c < '\x7f' and c not in '[]/,' for c in host)
    if good_host and ':' not in host:
        good_host = all(len(label) <= 63 for label in host.split('.'))
    if not good_host or not isinstance(port, int) or not 0 < port < 65_536:
        raise InvalidArgument(f'{given!r} is not HOST:PORT (an IPv6 address in brackets)')
    return Endpoint(host, port)


def _split(text: str) -> tuple[str, int]:
    host, _, digits = text.rpartition(':')
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else 0
    if host.startswith('[') and host.endswith(']'):
        return host[1:-1], port
    return ('' if ':' in host else host), port


def parse_endpoints(given: str | Iterable[str | tuple[str, int]]) -> tuple[Endpoint, ...]:
    """A list of endpoints, or 'HOST:PORT,HOST:PORT'. 1 to ENDPOINTS_MAX; InvalidArgument."""
    parts = given.split(',') if isinstance(given, str) else given
    endpoints = tuple(dict.fromkeys(parse_endpoint(part) for part in parts))
    if not 1 <= len(endpoints) <= ENDPOINTS_MAX:
        raise InvalidArgument(f'endpoints are 1 to {ENDPOINTS_MAX}, not {len(endpoints)}')
    return endpoints


@dataclasses.dataclass(frozen=True)
class Config:
    endpoints: tuple[Endpoint, ...] = ()
    ca: str = ''           # PEM: who may sign nodes
    cert: str = ''         # PEM: who this client is
    key: str = ''
    crl: str = ''          # optional: certificates that are taken back
    server_name: str = ''  # optional: that nodes' certificates must have, instead of the host
    cluster_id: str = ''   # optional: that nodes must be of
    deadline_ms: int = DEADLINE_MS_DEFAULT  # of one request, retries included
    insecure_plain_text: bool = False       # no TLS; loopback only

    def check(self) -> None:
        """InvalidArgument for what is missing or does not go together; endpoints apart."""
        if not 1 <= self.deadline_ms <= DEADLINE_MS_MAX:
            raise InvalidArgument(f'deadline_ms is 1 to {DEADLINE_MS_MAX}')
        files = [self.ca, self.cert, self.key]
        if self.insecure_plain_text and (any(files) or self.crl):
            raise InvalidArgument('insecure_plain_text goes without ca, cert and key')
        if not self.insecure_plain_text and not all(files):
            raise InvalidArgument('ca, cert and key must be given, all three')


def default_config_file() -> str:
    """METARING_CONFIG, else kvctl.toml in the user's configuration."""
    if named := os.environ.get(ENVIRONMENT):
        return named
    folder = os.environ.get('XDG_CONFIG_HOME', '')
    if not folder.startswith('/'):
        folder = os.path.expanduser('~/.config')
    return os.path.join(folder, 'metaring', 'kvctl.toml')


def load_config(file: str | os.PathLike[str]) -> Config:
    """NotFound when it cannot be read; InvalidArgument, naming file and key, for its content."""
    path = pathlib.Path(file)
    try:
        table = tomllib.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise NotFound(f'{path}: cannot be read: {error.strerror}') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f'{path}: {error}') from None
    return Config(**_checked(path, table))  # type: ignore[arg-type]


def _checked(path: pathlib.Path, table: Mapping[str, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, value in table.items():
        try:
            fields[key] = _field(path.parent, key, value)
        except InvalidArgument as error:
            raise InvalidArgument(f'{path}: {error.message}') from None
    return fields


def _field(folder: pathlib.Path, key: str, value: object) -> object:
    if key == 'endpoints':
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidArgument('endpoints is a list of "HOST:PORT"')
        return parse_endpoints(value)
    if key in _PATHS or key in _TEXTS:
        if not isinstance(value, str) or not value:
            raise InvalidArgument(f'{key} is a string that is not empty')
        # A path is relative to the directory of the file that names it.
        return os.path.normpath(folder / value) if key in _PATHS else value
    if key == 'deadline_ms':
        if type(value) is not int or not 1 <= value <= DEADLINE_MS_MAX:
            raise InvalidArgument(f'deadline_ms is a number of 1 to {DEADLINE_MS_MAX}')
        return value
    if key == 'insecure_plain_text':
        if not isinstance(value, bool):
            raise InvalidArgument(f'{key} is true or false')
        return value
    raise InvalidArgument(f"there is no key '{key}'")
