# SPDX-License-Identifier: Apache-2.0
#
# The wire of kv.thrift by hand: Thrift's binary protocol in frames, structs as {field id: value}.
# For tests that must send what no client would, and need no package. Integers are I32 or I64.
"""A raw client of a kvnode."""

import socket
import ssl
import struct

CALL, REPLY, EXCEPTION = 1, 2, 3
VERSION = 0x80010000
TIMEOUT_SECONDS = 60  # only ends what hangs

INVALID_ARGUMENT, NOT_FOUND, EXISTS, PERMISSION_DENIED = 1, 2, 3, 4
NO_SPACE, UNSUPPORTED, BUSY, UNAVAILABLE = 15, 18, 20, 21


class I32(int):
    pass


class I64(int):
    pass


class Refused(Exception):
    """A KvError."""

    def __init__(self, code, message):
        super().__init__(f'{code}: {message}')
        self.code = code
        self.message = message


def _kind(value):
    if isinstance(value, bool):
        return 2
    for python, kind in ((I32, 8), (I64, 10), (bytes, 11), (str, 11), (dict, 12), (list, 15)):
        if isinstance(value, python):
            return kind
    raise TypeError(value)


def encode(value):
    kind = _kind(value)
    if kind == 2:
        return bytes([value])
    if kind in (8, 10):
        return struct.pack('>i' if kind == 8 else '>q', value)
    if kind == 11:
        raw = value.encode() if isinstance(value, str) else value
        return struct.pack('>i', len(raw)) + raw
    if kind == 15:
        element = _kind(value[0]) if value else 12
        return struct.pack('>bi', element, len(value)) + b''.join(map(encode, value))
    fields = (struct.pack('>bh', _kind(field), number) + encode(field)
              for number, field in value.items())
    return b''.join(fields) + b'\0'


class _Decoder:
    def __init__(self, raw):
        self.raw = raw
        self.at = 0

    def take(self, form):
        values = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return values[0]

    def text(self):
        length = self.take('>i')
        self.at += length
        return self.raw[self.at - length:self.at]

    def value(self, kind):
        if kind in (2, 3):
            return self.take('>b')
        if kind in (8, 10):
            return self.take('>i' if kind == 8 else '>q')
        if kind == 11:
            return self.text()
        if kind == 12:
            return self.struct()
        if kind == 13:
            key, element, count = self.take('>b'), self.take('>b'), self.take('>i')
            return {self.value(key): self.value(element) for _ in range(count)}
        if kind == 15:
            element, count = self.take('>b'), self.take('>i')
            return [self.value(element) for _ in range(count)]
        raise ValueError(f'type {kind}')

    def struct(self):
        fields = {}
        while kind := self.take('>b'):
            number = self.take('>h')
            fields[number] = self.value(kind)
        return fields


def frame(method, arguments, seqid=1, kind=CALL):
    """`arguments` is the argument struct, or its bytes."""
    body = arguments if isinstance(arguments, bytes) else encode(arguments)
    name = method.encode()
    message = struct.pack('>Ii', VERSION | kind, len(name)) + name + struct.pack('>i', seqid) + body
    return struct.pack('>I', len(message)) + message


def tls_context(ca, certificate=None, key=None):
    context = ssl.create_default_context(cafile=str(ca))
    if certificate:
        context.load_cert_chain(str(certificate), str(key))
    return context


class Connection:
    """One connection; one request at a time unless sent by hand."""

    def __init__(self, address, context=None):
        host, _, port = address.rpartition(':')
        self.socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.seqid = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, count):
        raw = b''
        while len(raw) < count:
            more = self.socket.recv(count - len(raw))
            if not more:
                raise ConnectionError('the connection was closed')
            raw += more
        return raw

    def send(self, raw):
        self.socket.sendall(raw)

    def receive(self):
        """(seqid, kind, result struct) of the next answer."""
        length, = struct.unpack('>I', self._read(4))
        decoder = _Decoder(self._read(length))
        kind = decoder.take('>I') & 0xff
        decoder.text()
        seqid = decoder.take('>i')
        return seqid, kind, decoder.struct()

    def call(self, method, request):
        """The reply struct; Refused for a KvError."""
        self.seqid += 1
        self.send(frame(method, {1: request}, self.seqid))
        seqid, kind, result = self.receive()
        if seqid != self.seqid or kind != REPLY:
            raise AssertionError(f'answer {seqid} of kind {kind}: {result}')
        if 1 in result:
            error = result[1]
            raise Refused(error.get(1), error.get(2, b'').decode())
        return result[0]

    # What tests do most.

    def create(self, keyspace):
        return self.call('keyspace_create', {1: {1: keyspace}})[1]

    def put(self, keyspace, key, value, request_id=None):
        request = {1: {1: keyspace}, 2: key, 3: value}
        if request_id:
            request[5] = {1: I64(request_id[0]), 2: I64(request_id[1])}
        return self.call('put', request)[1]

    def get(self, keyspace, key):
        """The value, or None."""
        record = self.call('get', {1: {1: keyspace}, 2: key}).get(1)
        return None if record is None else record.get(1, b'')

    def delete(self, keyspace, key):
        return bool(self.call('delete_key', {1: {1: keyspace}, 2: key})[1])

    def add(self, keyspace, key, delta, request_id):
        client, sequence = request_id
        return self.call('transact', {
            1: {1: keyspace}, 3: [{1: I32(3), 2: key, 5: I64(delta)}],
            5: {1: I64(client), 2: I64(sequence)}})

    def health(self):
        return self.call('health_check', {})[1]

    def grant(self, client, keyspace, access):
        grant = {1: client, 2: keyspace}
        if access:
            grant[3] = I32(access)
        self.call('grant_set', {1: grant})

    def stats(self):
        return {name.decode(): value for name, value in self.call('stats', {})[1].items()}
