# SPDX-License-Identifier: Apache-2.0
#
# A node between a client and a real kvnode, which passes on what both say, but for what a test
# makes of the answers. METARING_PYTHON must be in sys.path.
"""A node that lies about what it has."""

import ssl
import threading

from metaring.wire.kv import Kv, ttypes
from scripted_node import ScriptedNode
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport


class LyingNode(ScriptedNode):
    """`lie`(method, request, reply) returns what is answered instead, as ScriptedNode's script
    does. None: the truth."""

    def __init__(self, kvnode, admin='root'):
        kvnode.context(admin)  # makes the certificate
        self._kvnode, self._admin = kvnode, admin
        self._of_thread = threading.local()
        self._to_kvnode = []
        self.lie = None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(kvnode.pki / f'{kvnode.name}.crt'),
                                str(kvnode.pki / f'{kvnode.name}.key'))
        with kvnode.connect(admin) as connection:
            cluster = connection.call('hello', {})[2].decode()
        super().__init__(self._answer_for, cluster=cluster, context=context)

    def close(self):
        super().close()
        for connection in self._to_kvnode:
            connection.close()

    def _client(self):
        if not hasattr(self._of_thread, 'client'):
            connection = self._kvnode.connect(self._admin)
            self._to_kvnode.append(connection)
            plain = TSocket()
            plain.setHandle(connection.socket)
            transport = TFramedTransport(plain)
            self._of_thread.client = Kv.Client(TBinaryProtocol(transport))
            self._of_thread.client.hello(ttypes.HelloRequest(version_min=1, version_max=1))
        return self._of_thread.client

    def _answer_for(self, method, request):
        try:
            reply = getattr(self._client(), method)(request)
        except ttypes.KvError as error:
            reply = error
        lie = self.lie
        told = lie(method, request, reply) if lie else None
        return reply if told is None else told
