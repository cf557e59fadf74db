# SPDX-License-Identifier: Apache-2.0
#
# What a real kvnode cannot be made to do at will: lose an answer, be busy, lie. Its transport,
# protocol and structs are those of python3-thrift itself, so it also shows that the client speaks
# what a stock Thrift library speaks. In plain text on loopback, unless it is given a TLS context.
"""A node that does what a test tells it. METARING_PYTHON must be in sys.path."""

import contextlib
import socket
import struct
import threading

from metaring.wire.kv import Kv, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TMessageType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport, TTransportException

CLUSTER = '0123456789abcdef' * 2


class Close(Exception):
    """Raised by a script: closes the connection instead of answering."""


def refusal(code, message='said so', retry_after_ms=None):
    return ttypes.KvError(code=code, message=message, retry_after_ms=retry_after_ms)


class ScriptedNode:
    """Each request but hello is given to `script`(method, request), on the connection's thread. It
    returns a reply struct, a KvError, or bytes that are sent as they are; or raises Close."""

    def __init__(self, script, cluster=CLUSTER, context=None):
        self._script, self._cluster, self._context = script, cluster, context
        self.asked = []  # (method, request)
        self.closing = threading.Event()  # scripts that hang wait for it
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self._listener.getsockname()[1]}'
        self._connections = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self):
        self.closing.set()
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def methods(self):
        return [method for method, _ in self.asked]

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,),
                                                      daemon=True))
                self._threads[-1].start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, Close, TTransportException):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            plain = TSocket()
            plain.setHandle(connection)
            protocol = TBinaryProtocol(TFramedTransport(plain), strictRead=True)
            while True:
                answer = self._answer(protocol)
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                else:
                    protocol.trans.flush()
        connection.close()

    def _answer(self, protocol):
        method, _, sequence = protocol.readMessageBegin()
        arguments = getattr(Kv, f'{method}_args')()
        arguments.read(protocol)
        protocol.readMessageEnd()
        said = self._said(method, arguments.request)
        if isinstance(said, bytes):
            return said
        result = getattr(Kv, f'{method}_result')()
        if isinstance(said, ttypes.KvError):
            result.error = said
        else:
            result.success = said
        protocol.writeMessageBegin(method, TMessageType.REPLY, sequence)
        result.write(protocol)
        protocol.writeMessageEnd()
        return None

    def _said(self, method, request):
        if method == 'hello':
            return ttypes.HelloReply(version=1, cluster_id=self._cluster, node_id=1)
        self.asked.append((method, request))
        return self._script(method, request)


def reply_frame(method, body, sequence=2):
    """A reply by hand. The first request after hello has sequence 2."""
    name = method.encode()
    content = struct.pack('!II', 0x80010000 | TMessageType.REPLY, len(name)) + name
    content += struct.pack('!i', sequence) + body
    return struct.pack('!I', len(content)) + content
