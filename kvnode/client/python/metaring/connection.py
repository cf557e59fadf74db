# SPDX-License-Identifier: Apache-2.0
"""One connection to one node: TLS 1.3, frames, one call at a time.

How a call fails is an AttemptFailed, which says whether the node may have received it: a frame that
was not written to its end was not.
"""

import ipaddress
import logging
import socket
import ssl
import struct
import time
from typing import Any

from .config import Config, Endpoint
from .errors import (DeadlineExceeded, Error, ErrorCode, FormatMismatch, InvalidArgument,
                     PermissionDenied, TooBig, Unavailable, UnknownOutcome, Unsupported,
                     error_of)
from .protocol import FRAME_BYTES_MAX, DecodeError, decode_reply, encode_call
from .retry import AttemptFailed
from .wire.kv import Kv, constants

CONNECT_SECONDS_MAX = 5.0  # with handshake and greeting
_CHUNK_BYTES = 64 << 10
_WORDS_OF_ANOTHER_PROTOCOL = 256 << 20  # what a length over it most likely is
_log = logging.getLogger('metaring')


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The certificates as the files have them now; None for plain text. InvalidArgument."""
    if config.insecure_plain_text:
        _log.warning('INSECURE: no TLS, no certificates; for experiments on one machine')
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.hostname_checks_common_name = False  # only SANs count (RFC 6125)
    file = config.ca
    try:
        context.load_verify_locations(config.ca)
        if config.crl:
            file = config.crl
            context.load_verify_locations(config.crl)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        file = f'{config.cert}, {config.key}'
        context.load_cert_chain(config.cert, config.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f'{file}: {error}') from None
    return context


def _no_password() -> str:
    raise ValueError('the key is encrypted')


def _failed_connecting(endpoint: Endpoint, error: OSError) -> AttemptFailed:
    """A node that is not there may come back; a certificate that is wrong does not get better."""
    text = f'{endpoint}: {error}'
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f'{endpoint}: its certificate was not accepted: {error.verify_message}'
        return AttemptFailed(PermissionDenied(text), elsewhere=True)
    if isinstance(error, ssl.SSLError) and 'ALERT' in (error.reason or ''):
        text = f'{endpoint}: it refused the certificate or the connection: {error.reason}'
        return AttemptFailed(PermissionDenied(text), elsewhere=True)
    return AttemptFailed(Unavailable(text), elsewhere=True)


def _is_node(certificate: Any) -> bool:
    subject = {name: value for part in certificate.get('subject', ()) for name, value in part}
    return (subject.get('organizationName'), subject.get('organizationalUnitName')) == (
        'Metaring', 'node')


class Connection:
    """One caller at a time. When `usable` is False it can only be closed."""

    def __init__(self, endpoint: Endpoint, config: Config, context: ssl.SSLContext | None,
                 deadline: float) -> None:
        """AttemptFailed. `deadline` is of time.monotonic(), here and below."""
        self.endpoint = endpoint
        self.usable = True
        self._sequence = 0
        deadline = min(deadline, time.monotonic() + CONNECT_SECONDS_MAX)
        try:
            plain = socket.create_connection(endpoint, timeout=_left(deadline))
        except OSError as error:
            raise _failed_connecting(endpoint, error) from error
        self._socket: socket.socket = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._secure(config, context, deadline)
        except OSError as error:
            self.close()
            raise _failed_connecting(endpoint, error) from error
        except AttemptFailed:
            self.close()
            raise

    def _secure(self, config: Config, context: ssl.SSLContext | None, deadline: float) -> None:
        if context is None:
            if not ipaddress.ip_address(self._socket.getpeername()[0]).is_loopback:
                raise AttemptFailed(InvalidArgument(
                    f'{self.endpoint}: plain text is for loopback addresses only'))
            return
        name = config.server_name or self.endpoint.host
        try:
            secured = context.wrap_socket(self._socket, do_handshake_on_connect=False,
                                          server_hostname=name)
        except ValueError as error:
            raise AttemptFailed(InvalidArgument(f'server_name {name!r}: {error}')) from None
        self._socket = secured
        secured.settimeout(_left(deadline))
        secured.do_handshake()
        if not _is_node(secured.getpeercert()):
            raise AttemptFailed(PermissionDenied(
                f'{self.endpoint}: its certificate is not that of a node'), elsewhere=True)

    def close(self) -> None:
        self.usable = False
        self._socket.close()

    def alive(self) -> bool:
        """Whether the node has not closed it while it was idle."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            pass
        return False  # closed, or something that nobody asked for

    def call(self, method: str, request: Any, deadline: float) -> Any:
        """The reply struct; AttemptFailed."""
        self._sequence = self._sequence % 0x7fff_ffff + 1
        arguments = getattr(Kv, f'{method}_args')(request=request)
        result = getattr(Kv, f'{method}_result')()
        try:
            frame = encode_call(method, self._sequence, arguments)
        except InvalidArgument as error:
            raise AttemptFailed(error) from None
        if len(frame) > FRAME_BYTES_MAX:
            raise AttemptFailed(TooBig(f'{method}: a request is at most {FRAME_BYTES_MAX} bytes'))
        self.usable = False  # until the answer is there, however this ends
        self._send(frame, deadline)
        raw = self._receive(deadline)
        self.usable = True
        return self._answer(method, raw, result)

    def _send(self, frame: bytes, deadline: float) -> None:
        data = memoryview(struct.pack('!I', len(frame)) + frame)
        try:
            while data:
                self._socket.settimeout(_left(deadline))
                data = data[self._socket.send(data[:_CHUNK_BYTES]):]
        except TimeoutError as error:
            self.close()
            raise AttemptFailed(DeadlineExceeded('it could not be sent in time')) from error
        except OSError as error:
            self.close()
            raise _failed_connecting(self.endpoint, error) from error

    def _receive(self, deadline: float) -> bytes:
        try:
            size, = struct.unpack('!I', self._receive_bytes(4, deadline))
            if size > _WORDS_OF_ANOTHER_PROTOCOL:
                raise DecodeError(f'a frame of {size} bytes')
            if size > FRAME_BYTES_MAX:
                self.close()
                raise AttemptFailed(TooBig(f'{self.endpoint}: an answer of {size} bytes'),
                                    maybe_done=True)
            return self._receive_bytes(size, deadline)
        except TimeoutError as error:
            self.close()
            raise AttemptFailed(DeadlineExceeded(f'{self.endpoint}: no answer in time'),
                                maybe_done=True) from error
        except DecodeError as error:
            raise self._garbage(error) from error
        except OSError as error:
            self.close()
            raise self._broken(error) from error

    def _broken(self, error: OSError) -> AttemptFailed:
        failure = _failed_connecting(self.endpoint, error)
        # TLS 1.3: a server that does not accept our certificate says so after the handshake.
        if not isinstance(failure.error, PermissionDenied):
            failure.error = UnknownOutcome(f'{self.endpoint}: the connection broke: {error}')
        failure.maybe_done = True
        return failure

    def _receive_bytes(self, count: int, deadline: float) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            self._socket.settimeout(_left(deadline))
            got = self._socket.recv_into(view)
            if got == 0:
                raise ConnectionResetError('it was closed')
            view = view[got:]
        return bytes(data)

    def _answer(self, method: str, raw: bytes, result: Any) -> Any:
        try:
            error = decode_reply(raw, method, self._sequence, result)
        except DecodeError as wrong:
            raise self._garbage(wrong) from wrong
        if error is not None:
            raise _failed_by_thrift(error)
        if result.error is not None:
            said = result.error
            raise AttemptFailed(error_of(said.code, said.message, said.retry_after_ms))
        if result.success is None:
            raise self._garbage(DecodeError('it is empty'))
        return result.success

    def _garbage(self, error: DecodeError) -> AttemptFailed:
        self.close()
        return AttemptFailed(UnknownOutcome(f'{self.endpoint}: its answer is wrong: {error}'),
                             maybe_done=True)


def _failed_by_thrift(error: Error) -> AttemptFailed:
    return AttemptFailed(error, maybe_done=error.code is ErrorCode.INTERNAL,
                         elsewhere=error.code is ErrorCode.UNSUPPORTED)


def _left(deadline: float) -> float:
    """Seconds, more than none: a socket that is given 0 would not wait at all."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError('no time is left')
    return left


def check_hello(reply: Any, endpoint: Endpoint, cluster_id: str) -> None:
    """AttemptFailed unless it is a node of that cluster ('': of any) that speaks our version."""
    if not reply.cluster_id or reply.version is None:
        raise AttemptFailed(FormatMismatch(f'{endpoint} is no node of Metaring'), elsewhere=True)
    if not constants.PROTOCOL_VERSION_MIN <= reply.version <= constants.PROTOCOL_VERSION:
        raise AttemptFailed(Unsupported(
            f'{endpoint} wants to speak version {reply.version} of the protocol'), elsewhere=True)
    if cluster_id and reply.cluster_id != cluster_id:
        raise AttemptFailed(FormatMismatch(
            f'{endpoint} is of cluster {reply.cluster_id!r}, not {cluster_id!r}'), elsewhere=True)
