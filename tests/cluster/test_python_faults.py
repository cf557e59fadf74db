# SPDX-License-Identifier: Apache-2.0
"""The Python client and nodes that lose answers, are busy, hang or lie: nothing is applied twice,
nothing is called refused that may be done, and no answer ends the process."""

import logging
import os
import ssl
import struct
import sys
import time
import unittest

from harness import ROOT, ClusterTest, main, run

sys.path.insert(0, os.environ.get('METARING_PYTHON', str(ROOT / 'build/release/python')))
# pylint: disable=wrong-import-position
import metaring  # noqa: E402
from metaring.wire.kv import ttypes  # noqa: E402
from scripted_node import CLUSTER, Close, ScriptedNode, refusal, reply_frame  # noqa: E402

KVCTL = os.environ.get('METARING_KVCTL', str(ROOT / 'build/release/bin/kvctl'))
PUT_DONE = ttypes.PutReply(version=7)
GOT = ttypes.GetReply(record=ttypes.Record(value=b'v', version=7))


class Script:
    """Answers one after the other; the last one again and again."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __call__(self, method, request):
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if step is Close:
            raise Close
        return step


class FaultTest(unittest.TestCase):
    def node(self, *steps, **options):
        script = steps[0] if callable(steps[0]) and steps[0] is not Close else Script(*steps)
        node = ScriptedNode(script, **options)
        self.addCleanup(node.close)
        return node

    def client(self, *nodes, timeout=10, **options):
        client = metaring.Client([node.address for node in nodes], insecure_plain_text=True,
                                 timeout=timeout, **options)
        self.addCleanup(client.close)
        return client

    def hanging(self):
        def script(_, request):
            node.closing.wait()
            raise Close
        node = self.node(script)
        return node


class LostAnswers(FaultTest):
    def test_a_write_is_repeated_under_its_request_id(self):
        node = self.node(Close, Close, PUT_DONE)
        client = self.client(node)
        self.assertEqual(client.put('ks', 'k', 'v'), 7)
        client.put('ks', 'k', 'v')
        ids = [request.request_id for _, request in node.asked]
        self.assertEqual([each.sequence for each in ids], [1, 1, 1, 2])
        self.assertEqual({each.client for each in ids}, {ids[0].client})
        self.assertEqual([each.lowest_outstanding for each in ids], [1, 1, 1, 2])

    def test_on_another_node(self):
        first, second = self.node(Close), self.node(PUT_DONE)
        self.client(first, second).put('ks', 'k', 'v')
        self.assertEqual(first.asked[0][1].request_id, second.asked[0][1].request_id)

    def test_a_write_without_an_id_is_unknown(self):
        node = self.node(Close)
        client = self.client(node)
        for action in (lambda: client.keyspace_create('ks'), lambda: client.keyspace_drop('ks'),
                       lambda: client.grant_set('alice', 'ks', metaring.Access.READ)):
            with self.assertRaises(metaring.UnknownOutcome):
                action()
        self.assertEqual(node.methods(), ['keyspace_create', 'keyspace_drop', 'grant_set'])

    def test_a_later_refusal_does_not_make_it_known(self):
        denied = refusal(ttypes.ErrorCode.PERMISSION_DENIED)
        with self.assertRaisesRegex(metaring.UnknownOutcome, 'permission_denied'):
            self.client(self.node(Close, denied)).put('ks', 'k', 'v')
        wrong = refusal(ttypes.ErrorCode.INVALID_ARGUMENT)
        with self.assertRaises(metaring.InvalidArgument):
            self.client(self.node(Close, wrong)).put('ks', 'k', 'v')

    def test_the_time_is_over(self):
        with self.assertRaises(metaring.UnknownOutcome):
            self.client(self.node(Close), timeout=0.5).put('ks', 'k', 'v')
        with self.assertRaises(metaring.Unavailable):
            self.client(self.node(Close), timeout=0.5).get('ks', 'k')

    def test_a_node_that_has_forgotten_is_believed(self):
        node = self.node(refusal(ttypes.ErrorCode.UNKNOWN_OUTCOME))
        with self.assertRaises(metaring.UnknownOutcome):
            self.client(node).put('ks', 'k', 'v')
        self.assertEqual(len(node.asked), 1)

    def test_reads_are_repeated(self):
        node = self.node(Close, GOT)
        self.assertEqual(self.client(node).get('ks', 'k'), b'v')


class Refusals(FaultTest):
    def test_busy_is_waited_for(self):
        node = self.node(refusal(ttypes.ErrorCode.BUSY, retry_after_ms=300), PUT_DONE)
        began = time.monotonic()
        self.client(node).put('ks', 'k', 'v')
        self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_busy_for_too_long(self):
        node = self.node(refusal(ttypes.ErrorCode.BUSY, 'too many', retry_after_ms=20))
        with self.assertRaisesRegex(metaring.Busy, 'too many .*given up after') as caught:
            self.client(node, timeout=0.5).put('ks', 'k', 'v')
        self.assertEqual(caught.exception.retry_after_ms, 20)

    def test_each_code_has_its_class(self):
        for name, code in ttypes.ErrorCode._NAMES_TO_VALUES.items():
            if name in ('BUSY', 'UNAVAILABLE'):
                continue
            with self.subTest(name=name), self.assertRaises(metaring.Error) as caught:
                self.client(self.node(refusal(code, 'why'))).keyspace_drop('ks')
            self.assertEqual((caught.exception.code.name, caught.exception.message), (name, 'why'))
        with self.assertRaises(metaring.Internal):
            self.client(self.node(refusal(4711))).keyspace_drop('ks')

    def test_another_cluster_is_given_nothing(self):
        good, other = self.node(Close, GOT), self.node(GOT, cluster='f' * 32)
        client = self.client(good, other)
        self.assertEqual(client.get('ks', 'k'), b'v')
        self.assertEqual(other.asked, [])
        with self.assertRaises(metaring.FormatMismatch):
            self.client(other, cluster_id=CLUSTER).get('ks', 'k')


class Hanging(FaultTest):
    def test_deadlines(self):
        node = self.hanging()
        client = self.client(node, timeout=30)
        for error, action in ((metaring.DeadlineExceeded, lambda: client.get('ks', 'k', timeout=1)),
                              (metaring.UnknownOutcome,
                               lambda: client.put('ks', 'k', 'v', timeout=1))):
            began = time.monotonic()
            with self.assertRaises(error):
                action()
            self.assertLess(time.monotonic() - began, 20)
        for _, request in node.asked:
            self.assertTrue(500 < request.target.deadline_ms <= 1000, request)

    def test_bytes_that_drip(self):
        def script(method, _):
            frame = reply_frame(method, b'\0')
            for at in range(len(frame)):
                node.closing.wait(0.2)
                node._connections[-1].sendall(frame[at:at + 1])  # pylint: disable=protected-access
            raise Close
        node = self.node(script)
        began = time.monotonic()
        with self.assertRaises(metaring.DeadlineExceeded):
            self.client(node).get('ks', 'k', timeout=1)
        self.assertLess(time.monotonic() - began, 20)


class Lies(FaultTest):
    def test_answers_that_are_none(self):
        deep = b'\x0c\0\x63' * 200_000
        for name, answer in {
                'frame length': struct.pack('!I', 0x7fff_ffff),
                'http': b'HTTP/1.1 400 Bad Request\r\n\r\n',
                'another sequence': reply_frame('get', b'\0', sequence=77),
                'another method': reply_frame('put', b'\0'),
                'empty': reply_frame('get', b'\0'),
                'bytes follow': reply_frame('get', b'\0\0'),
                'truncated': reply_frame('get', b'\x0c\0\0'),
                'nested deeply': reply_frame('get', deep),
                'lying count': reply_frame(
                    'get', b'\x0f\0\x63\x0c' + struct.pack('!i', 0x7fff_ffff)),
                'negative count': reply_frame('get', b'\x0f\0\x63\x0c' + struct.pack('!i', -1)),
                'lying length': reply_frame('get', b'\x0b\0\x63' + struct.pack('!i', 1 << 24)),
                'no struct': reply_frame('get', b'\xff' * 100)}.items():
            with self.subTest(name=name):
                node = self.node(answer, GOT)
                client = self.client(node)
                self.assertEqual(client.get('ks', 'k'), b'v')  # asked again
                self.assertEqual(len(node.asked), 2)
                with self.assertRaises(metaring.UnknownOutcome):
                    self.client(self.node(answer)).keyspace_drop('ks')

    def test_an_answer_over_the_limit_is_not_asked_for_again(self):
        node = self.node(struct.pack('!I', 30 << 20))
        with self.assertRaisesRegex(metaring.TooBig, '31457280 bytes'):
            self.client(node).get('ks', 'k')
        self.assertEqual(len(node.asked), 1)
        with self.assertRaises(metaring.UnknownOutcome):
            self.client(self.node(struct.pack('!I', 30 << 20))).put('ks', 'k', 'v')

    def test_answers_that_do_not_fit(self):
        for reply, action in (
                (ttypes.ScanReply(items=[], cursor=b'x'), lambda ks: list(ks.scan())),
                (ttypes.MultiGetReply(records=[]), lambda ks: ks.multi_get(['k']))):
            with self.assertRaises(metaring.Corrupt):
                action(self.client(self.node(reply)).keyspace('ks'))
        with self.assertRaisesRegex(metaring.Unsupported, 'Health 9'):
            self.client(self.node(ttypes.HealthCheckReply(health=9))).health_check()

    def test_arguments_that_do_not_fit_are_not_sent(self):
        node = self.node(PUT_DONE)
        client = self.client(node)
        for action in (lambda: client.get(5, 'k'),
                       lambda: client.keyspace_create('ks', replicas='x'),
                       lambda: client.keyspace_create('ks', replicas=1 << 40)):
            with self.assertRaises(metaring.InvalidArgument):
                action()
        self.assertEqual(node.asked, [])

    def test_unknown_fields_are_skipped(self):
        body = (b'\x0c\0\0'                                  # success: a struct
                b'\x0d\0\x63\x0b\x0f' + struct.pack('!i', 1)  # 99: map<string, list<i64>>
                + struct.pack('!i', 1) + b'\xff' + b'\x0a' + struct.pack('!iq', 1, 5)
                + b'\x0c\0\1' + b'\x0b\0\1' + struct.pack('!i', 1) + b'v' + b'\0' + b'\0' + b'\0')
        self.assertEqual(self.client(self.node(reply_frame('get', body))).get('ks', 'k'), b'v')

    def test_compressed_values_that_lie(self):
        bomb = b'\x28\xb5\x2f\xfd\xe0' + struct.pack('<Q', 1 << 40) + b'\0' * 8
        for codec, value in ((1, b'no frame'), (1, bomb), (9, b'')):
            record = ttypes.Record(value=value, codec=codec, version=1)
            with self.assertRaises(metaring.Corrupt):
                self.client(self.node(ttypes.GetReply(record=record))).get('ks', 'k')


class Impostors(ClusterTest, FaultTest):
    """Who is no node of this cluster's, in TLS."""

    def setUp(self):
        super().setUp()
        self.pki = self.directory / 'pki'
        for command in (('create-ca',), ('create-node', 'node', '--host', '127.0.0.1'),
                        ('create-client', 'alice'), ('create-admin', 'root')):
            run(KVCTL, 'cert', *command, '--dir', self.pki)

    def ask(self, certificate, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.pki / f'{certificate}.crt', self.pki / f'{certificate}.key')
        node = self.node(GOT, context=context)
        with metaring.Client(node.address, ca=str(self.pki / 'ca.crt'), timeout=10,
                             cert=str(self.pki / 'root.crt'),
                             key=str(self.pki / 'root.key')) as client:
            try:
                return client.get('ks', 'k')
            finally:
                self.granted = node.asked

    def test_who_is_asked(self):
        self.assertEqual(self.ask('node', ssl.TLSVersion.TLSv1_3), b'v')
        for certificate, version in (('alice', ssl.TLSVersion.TLSv1_3),
                                     ('root', ssl.TLSVersion.TLSv1_3),
                                     ('node', ssl.TLSVersion.TLSv1_2)):
            with self.subTest(certificate=certificate, version=version), \
                    self.assertRaises(metaring.PermissionDenied):
                self.ask(certificate, version)
            self.assertEqual(self.granted, [])


if __name__ == '__main__':
    logging.getLogger('metaring').setLevel(logging.ERROR)  # plain text is said to be insecure
    main()
