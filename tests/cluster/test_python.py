# SPDX-License-Identifier: Apache-2.0
"""The Python client against a real kvnode over TLS: what each operation does and refuses."""

import os
import pathlib
import ssl
import subprocess
import sys
import threading
from unittest import mock

from harness import ROOT, main, run, wait_until
from node_harness import KVCTL, NodeTest

PACKAGES = os.environ.get('METARING_PYTHON', str(ROOT / 'build/release/python'))
sys.path.insert(0, PACKAGES)
# pylint: disable=wrong-import-position
import metaring  # noqa: E402
from metaring import Transaction  # noqa: E402
from metaring.wire.kv import Kv, ttypes  # noqa: E402
from thrift.protocol.TBinaryProtocol import TBinaryProtocol  # noqa: E402
from thrift.transport.TSSLSocket import TSSLSocket  # noqa: E402
from thrift.transport.TTransport import TFramedTransport  # noqa: E402

EXAMPLE = ROOT / 'kvnode/client/python/examples/inventory.py'
TIMEOUT_SECONDS = 60


class PythonTest(NodeTest):
    """A node, and clients of it by the name in their certificates; "root" is an admin."""

    def setUp(self):
        super().setUp()
        self.kvnode = self.node().start()

    def files(self, name='root'):
        self.kvnode.context(name)  # makes them
        pki = self.kvnode.pki
        return {'ca': pki / 'ca.crt', 'cert': pki / f'{name}.crt', 'key': pki / f'{name}.key'}

    def client(self, name='root', endpoints=None, **options):
        files = {field: str(path) for field, path in self.files(name).items()}
        client = metaring.Client(endpoints or self.kvnode.address,
                                 **{'timeout': TIMEOUT_SECONDS, **files, **options})
        self.addCleanup(client.close)
        return client

    def write_config(self, *, folder=None, **more):
        folder = folder or self.kvnode.pki
        config = folder / 'kvctl.toml'
        lines = [f'endpoints = ["{self.kvnode.address}"]']
        lines += [f'{field} = "{path.name}"' for field, path in self.files().items()]
        lines += [f'{field} = {value}' for field, value in more.items()]
        config.write_text('\n'.join(lines) + '\n')
        return config

    def stay_at_the_port(self):
        """A restart will listen where it listens now."""
        self.kvnode.configure(listen={'clients': self.kvnode.address})


class Records(PythonTest):
    def setUp(self):
        super().setUp()
        self.admin = self.client()
        self.admin.keyspace_create('ks')
        self.ks = self.admin.keyspace('ks')

    def test_put_get_delete(self):
        first = self.admin.put('ks', 'key', 'value')
        self.assertEqual(self.admin.get('ks', b'key'), b'value')
        self.assertGreater(self.admin.put('ks', b'key', b'\0\xff'), first)
        self.assertEqual(self.ks.get('key'), b'\0\xff')
        self.assertIsNone(self.admin.get('ks', 'missing'))
        self.assertIs(self.admin.delete('ks', 'key'), True)
        self.assertIs(self.admin.delete('ks', 'key'), False)
        self.assertIsNone(self.ks.get('key'))
        self.ks.put('', '')
        self.assertEqual(self.ks.get(''), b'')
        self.ks.put('ключ', 'значение')
        self.assertEqual(self.ks.get('ключ'.encode()).decode(), 'значение')

    def test_large_values_and_limits(self):
        value = os.urandom(16 << 20)
        self.ks.put('large', value)
        self.assertEqual(self.ks.get('large'), value)
        for action in (lambda: self.ks.put('k', value + b'x'),
                       lambda: self.ks.put(b'k' * ((1 << 20) + 1), b''),
                       lambda: self.ks.put('k', 17),
                       lambda: self.ks.get(None),
                       lambda: self.ks.multi_get('key'),
                       lambda: self.ks.multi_get(['k'] * 4097),
                       lambda: self.ks.get('k', timeout=0),
                       lambda: list(self.ks.scan('p', end_key='q')),
                       lambda: list(self.ks.scan(start_key='p')),
                       lambda: list(self.ks.scan(page_size=0))):
            with self.assertRaises(metaring.InvalidArgument):
                action()

    def test_multi_get(self):
        self.ks.put('a', '1')
        self.ks.put('b', '2')
        self.assertEqual(self.ks.multi_get(['b', 'missing', b'a', 'b']),
                         [b'2', None, b'1', b'2'])
        self.assertEqual(self.admin.multi_get('ks', []), [])

    def test_scan(self):
        keys = [f'{letter}/{number:03}'.encode() for letter in 'ab' for number in range(50)]
        for key in reversed(keys):
            self.ks.put(key, b'<' + key + b'>')
        items = list(self.ks.scan(page_size=7))
        self.assertEqual([item.key for item in items], keys)
        self.assertEqual([item.value for item in items], [b'<' + key + b'>' for key in keys])
        self.assertEqual([item.key for item in self.admin.scan('ks', 'b/')], keys[50:])
        self.assertEqual([item.key for item in self.ks.scan('b/', limit=9, page_size=4)],
                         keys[50:59])
        self.assertEqual(list(self.ks.scan(limit=0)), [])
        chosen = list(self.ks.scan(start_key='a/049', end_key='b/002', keys_only=True))
        self.assertEqual([(item.key, item.value) for item in chosen],
                         [(key, b'') for key in keys[49:52]])
        self.assertEqual(chosen[0].version, self.ks.get_record('a/049').version)

    def test_transact(self):
        reply = self.ks.transact(Transaction().require_absent('a').put('a', '1').add('n', 5)
                                 .max('m', -3))
        self.assertTrue(reply)
        self.assertEqual(reply.version, self.ks.get_record('a').version)
        reply = self.ks.transact(Transaction().require_absent('b').require_absent('a')
                                 .put('a', '2').else_read('a', 'missing'))
        self.assertFalse(reply)
        self.assertEqual(reply.failed_compare, 1)
        self.assertEqual(reply.reads[0].value, b'1')
        self.assertIsNone(reply.reads[1])
        self.ks.transact(Transaction().add('n', -7).max('m', -9).delete('a'))
        self.assertEqual([metaring.decode_i64(value) for value in self.ks.multi_get(['n', 'm'])],
                         [-2, -3])
        self.assertIsNone(self.ks.get('a'))

    def test_every_compare(self):
        version = self.ks.put('there', 'value')
        for good, compare in (
                (True, Transaction().require_exists('there')),
                (False, Transaction().require_exists('missing')),
                (True, Transaction().require_version('there', version)),
                (False, Transaction().require_version('there', version + 1)),
                (True, Transaction().require_value('there', 'value')),
                (False, Transaction().require_value('there', 'valu')),
                (True, Transaction().require_range_empty('u')),
                (False, Transaction().require_range_empty('the')),
                (True, Transaction().require_range_empty('a', 'there')),
                (False, Transaction().require_range_empty('a', 'there0'))):
            self.assertEqual(bool(self.ks.transact(compare.put('z', 'done'))), good)

    def test_numbers_out_of_range(self):
        for wrong in (1 << 63, -(1 << 63) - 1, 'five'):
            with self.assertRaises(metaring.InvalidArgument):
                Transaction().add('n', wrong)
        with self.assertRaises(metaring.InvalidArgument):
            self.ks.put('text', 'x')
            self.ks.transact(Transaction().add('text', 1))

    def test_compressed_values(self):
        self.admin.keyspace_create('packed', compression=metaring.Compression.ZSTD,
                                   compression_bytes_min=100)
        value = b'again and ' * 10_000
        noise = os.urandom(5000)
        packed = self.admin.keyspace('packed')
        packed.put('put', value)
        packed.put('noise', noise)
        self.assertTrue(packed.transact(Transaction().put('transact', value).put('short', 'ab')))
        with self.kvnode.connect() as raw:
            stored = raw.get('packed', 'put')
            self.assertLess(len(stored), 1000)
            self.assertEqual(raw.get('packed', 'noise'), noise)
        self.assertEqual(packed.multi_get(['put', 'transact', 'short', 'noise']),
                         [value, value, b'ab', noise])
        self.assertEqual({item.key: item.value for item in packed.scan()}[b'put'], value)
        # VALUE compares what is decoded.
        self.assertTrue(packed.transact(Transaction().require_value('put', value)))

    def test_compressed_values_without_zstandard(self):
        self.admin.keyspace_create('packed', compression=metaring.Compression.ZSTD)
        packed, value = self.admin.keyspace('packed'), b'x' * 10_000
        packed.put('compressed', value)
        with mock.patch('metaring.compression.zstandard', None), \
                mock.patch('metaring.compression.CAN_COMPRESS', False):
            packed.put('plain', value)
            self.assertEqual(packed.get('plain'), value)
            with self.assertRaisesRegex(metaring.Unsupported, 'python3-zstandard'):
                packed.get('compressed')
        self.assertEqual(packed.multi_get(['plain', 'compressed']), [value, value])


class Administration(PythonTest):
    def test_keyspaces(self):
        admin = self.client()
        made = admin.keyspace_create('ks', replicas=5, write_ack=metaring.WriteAck.ALL_IN_SYNC,
                                     placement=metaring.Placement.PARENT)
        self.assertEqual((made.name, made.replicas, made.mode, made.compression_bytes_min),
                         ('ks', 5, metaring.Mode.STRONG, 512))
        self.assertEqual(admin.keyspace_list(), [made])
        with self.assertRaises(metaring.Exists):
            admin.keyspace_create('ks')
        with self.assertRaises(metaring.Unsupported):
            admin.keyspace_create('other', mode=metaring.Mode.EVENTUAL)
        with self.assertRaises(metaring.InvalidArgument):
            admin.keyspace_create('../up')
        admin.put('ks', 'k', 'v')
        admin.keyspace_drop('ks')
        self.assertEqual(admin.keyspace_list(), [])
        for action in (lambda: admin.keyspace_drop('ks'), lambda: admin.get('ks', 'k')):
            with self.assertRaises(metaring.NotFound):
                action()

    def test_grants(self):
        admin, alice = self.client(), self.client('alice')
        admin.keyspace_create('ks')
        admin.keyspace_create('secret')
        with self.assertRaises(metaring.PermissionDenied):
            alice.get('ks', 'k')
        admin.grant_set('alice', 'ks', metaring.Access.READ)
        self.assertIsNone(alice.get('ks', 'k'))
        self.assertEqual([each.name for each in alice.keyspace_list()], ['ks'])
        with self.assertRaises(metaring.PermissionDenied):
            alice.put('ks', 'k', 'v')
        admin.grant_set('alice', 'ks', metaring.Access.WRITE)
        alice.put('ks', 'k', 'v')
        self.assertEqual(admin.grant_list('alice'),
                         [metaring.Grant('alice', 'ks', metaring.Access.WRITE)])
        admin.grant_set('alice', 'ks', None)
        self.assertEqual(admin.grant_list(), [])
        with self.assertRaises(metaring.PermissionDenied):
            alice.get('ks', 'k')

    def test_node(self):
        admin = self.client()
        self.assertIs(admin.health_check().health, metaring.Health.OK)
        cluster = admin.cluster_map()
        self.assertEqual([node.address for node in cluster.nodes], [self.kvnode.address])
        self.assertRegex(cluster.cluster_id, '^[0-9a-f]{32}$')
        self.assertTrue(admin.stats())


class Configuration(PythonTest):
    def test_file(self):
        config = self.write_config(deadline_ms=45_000)
        with metaring.Client(config=config) as client:
            self.assertIs(client.health_check().health, metaring.Health.OK)
            self.assertEqual(client.timeout, 45)
        with metaring.Client(config=str(config), timeout=5) as client:
            self.assertEqual(client.timeout, 5)
        with mock.patch.dict(os.environ, METARING_CONFIG=str(config)), metaring.Client() as client:
            client.health_check()
        home = self.directory / 'home/metaring'
        home.mkdir(parents=True)
        (home / 'kvctl.toml').symlink_to(config)
        with mock.patch.dict(os.environ, XDG_CONFIG_HOME=str(home.parent)):
            os.environ.pop('METARING_CONFIG', None)
            self.assertEqual(metaring.config.default_config_file(), str(home / 'kvctl.toml'))

    def test_what_is_wrong_is_named(self):
        config = self.write_config()
        good = config.read_text()
        for text, says in ((good + 'colour = "red"\n', 'colour'), (good + 'x\n', 'kvctl.toml'),
                           ('endpoints = "a:1"\n', 'endpoints'), ('endpoints = ["a"]\n', "'a'"),
                           (good + 'deadline_ms = 0\n', 'deadline_ms'),
                           (good + 'crl = ""\n', 'crl'), (good.replace('key =', '#'), 'key'),
                           (good + 'insecure_plain_text = true\n', 'insecure_plain_text')):
            with self.subTest(text=text):
                config.write_text(text)
                with self.assertRaises(metaring.InvalidArgument) as caught:
                    metaring.Client(config=config)
                self.assertIn(says, str(caught.exception))
        with self.assertRaisesRegex(metaring.NotFound, 'missing.toml'):
            metaring.Client(config=config.with_name('missing.toml'))
        with self.assertRaisesRegex(metaring.InvalidArgument, 'alice.crt'):
            self.client(cert='alice.crt')


class Certificates(PythonTest):
    def setUp(self):
        super().setUp()
        self.other = self.directory / 'other'
        run(KVCTL, 'cert', 'create-ca', '--dir', self.other)
        run(KVCTL, 'cert', 'create-admin', 'root', '--dir', self.other)

    def refused(self, endpoints=None, says='', **options):
        with self.assertRaises(metaring.PermissionDenied) as caught:
            self.client(endpoints=endpoints, **options).health_check()
        self.assertIn(says, str(caught.exception))

    def port(self):
        return self.kvnode.address.rpartition(':')[2]

    def test_node_of_another_ca(self):
        self.refused(ca=str(self.other / 'ca.crt'), says='certificate was not accepted')

    def test_client_of_another_ca(self):
        self.refused(cert=str(self.other / 'root.crt'), key=str(self.other / 'root.key'))

    def test_name_that_is_not_in_the_certificate(self):
        self.refused(endpoints=f'localhost:{self.port()}', says='localhost')
        client = self.client(endpoints=f'localhost:{self.port()}', server_name='127.0.0.1')
        client.health_check()

    def test_revoked_node(self):
        pki = self.kvnode.pki
        run(KVCTL, 'cert', 'create-client', 'bob', '--dir', pki)
        run(KVCTL, 'cert', 'revoke', pki / 'bob.crt', '--dir', pki)
        self.client(crl=str(pki / 'ca.crl')).health_check()
        run(KVCTL, 'cert', 'revoke', pki / f'{self.kvnode.name}.crt', '--dir', pki)
        self.refused(crl=str(pki / 'ca.crl'), says='revoked')

    def test_another_cluster(self):
        with self.assertRaises(metaring.FormatMismatch):
            self.client(cluster_id='0' * 32).health_check()

    def test_certificates_are_read_again(self):
        files = self.files('alice')
        client = self.client('alice')
        client.cluster_map()
        files['cert'].unlink()
        with self.assertRaises(metaring.InvalidArgument):
            client.reload_certificates()
        client.cluster_map()  # still with the old ones
        self.kvnode.cert('create-client', 'alice', '--force')
        client.reload_certificates()
        client.cluster_map()


class Faults(PythonTest):
    def test_second_endpoint(self):
        client = self.client(endpoints=['127.0.0.1:1', self.kvnode.address])
        client.health_check()
        with self.assertRaises(metaring.Unavailable):
            self.client(endpoints='127.0.0.1:1', timeout=0.5).health_check()

    def test_closed_client(self):
        client = self.client()
        client.health_check()
        client.close()
        with self.assertRaises(metaring.Cancelled):
            client.health_check()

    def test_threads_share_a_client(self):
        client = self.client()
        client.keyspace_create('ks')

        def work(number):
            for step in range(20):
                client.put('ks', f'{number}/{step}', f'{number * step}')
                self.assertEqual(client.get('ks', f'{number}/{step}'), b'%d' % (number * step))
        self.run_threads(work, 40)
        self.assertEqual(sum(1 for _ in client.scan('ks', keys_only=True)), 800)

    def run_threads(self, work, count, meanwhile=lambda: None):
        failed = []

        def guarded(number):
            try:
                work(number)
            except Exception as error:  # pylint: disable=broad-except
                failed.append(error)
        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

    def test_kill_9_loses_no_write_and_applies_none_twice(self):
        self.stay_at_the_port()
        client = self.client()
        client.keyspace_create('ks')
        count = 150

        def work(number):
            for step in range(count):
                transaction = Transaction().add('sum', 1).put(f'{number}/{step}', '')
                self.assertTrue(client.transact('ks', transaction))

        def kill():
            for done in (60, 250):
                wait_until(lambda at=done: self.count(client) >= at, f'{done} writes are done')
                self.kvnode.kill()
                self.kvnode.start()
        self.run_threads(work, 4, kill)
        self.assertEqual(self.count(client), 4 * count)
        self.assertEqual(sum(1 for _ in client.scan('ks', keys_only=True)), 4 * count + 1)

    @staticmethod
    def count(client):
        return metaring.decode_i64(client.get('ks', 'sum') or bytes(8))

    def test_idle_connections_that_the_node_has_closed(self):
        self.stay_at_the_port()
        client = self.client()
        client.keyspace_create('ks')
        self.kvnode.stop()
        self.kvnode.start()
        client.keyspace_create('another')  # would be unknown if it were sent on a dead connection


class DistributedStore(PythonTest):
    def setUp(self):
        super().setUp()
        self.client().keyspace_create('default')
        self.asked = 0

    def store(self, nodes, **options):
        def get_node_list():
            self.asked += 1
            return nodes()
        options = options or {field: str(path) for field, path in self.files().items()}
        store = metaring.DistributedKVStore('node-7', get_node_list, **options)
        self.addCleanup(store.close)
        return store

    def test_put_get_delete(self):
        host, port = self.kvnode.address.split(':')
        store = self.store(lambda: [(host, int(port))])
        store.put('key', 'value')
        self.assertEqual(store.get('key'), b'value')
        self.assertTrue(store.delete(b'key'))
        self.assertFalse(store.delete('key'))
        self.assertIsNone(store.get('key'))
        self.assertEqual(self.asked, 1)

    def test_nodes_that_move_are_found(self):
        store = self.store(lambda: ['127.0.0.1:1', self.kvnode.address])
        store.put('key', 'value')
        before = self.asked
        address = self.kvnode.address
        self.kvnode.stop()
        self.kvnode.start()
        self.assertNotEqual(self.kvnode.address, address)
        self.assertEqual(store.get('key'), b'value')
        self.assertGreater(self.asked, before)

    def test_a_list_function_that_fails(self):
        self.stay_at_the_port()
        answers = [[self.kvnode.address]]

        def nodes():
            if answers:
                return answers.pop()
            raise ConnectionError('the registry is down')
        store = self.store(nodes)
        store.put('key', 'value')
        self.kvnode.kill()
        self.kvnode.start()
        self.assertEqual(store.get('key'), b'value')
        self.assertGreater(self.asked, 1)
        with self.assertRaises(metaring.InvalidArgument):
            self.store(lambda: [])

    def test_certificates_from_the_environment(self):
        config = self.write_config()
        with mock.patch.dict(os.environ, METARING_CONFIG=str(config)):
            store = metaring.DistributedKVStore(1, lambda: [self.kvnode.address],
                                                keyspace='default')
        with store:
            store.put('key', 'value')
            self.assertEqual(store.get('key'), b'value')

    def test_any_node_id(self):
        for node_id in (7, '', 'é' * 500, None):
            store = metaring.DistributedKVStore(node_id, lambda: [self.kvnode.address],
                                                config=self.write_config())
            with store:
                self.assertIsNone(store.get('key'))


class StockThrift(PythonTest):
    def test_put_and_get_with_nothing_but_thrift(self):
        files = {field: str(path) for field, path in self.files().items()}
        host, port = self.kvnode.address.split(':')
        transport = TFramedTransport(TSSLSocket(
            host, int(port), cert_reqs=ssl.CERT_REQUIRED, ca_certs=files['ca'],
            certfile=files['cert'], keyfile=files['key']))
        transport.open()
        self.addCleanup(transport.close)
        client = Kv.Client(TBinaryProtocol(transport))
        client.keyspace_create(ttypes.KeyspaceCreateRequest(keyspace=ttypes.Keyspace(name='ks')))
        target = ttypes.Target(keyspace='ks')
        client.put(ttypes.PutRequest(target=target, key=b'k', value=b'v'))
        got = client.get(ttypes.GetRequest(target=target, key=b'k'))
        self.assertEqual(got.record.value, b'v')
        self.assertIsNone(client.get(ttypes.GetRequest(target=target, key=b'x')).record)
        with self.assertRaises(ttypes.KvError) as caught:
            client.get(ttypes.GetRequest(target=ttypes.Target(keyspace='no'), key=b'k'))
        self.assertEqual(caught.exception.code, ttypes.ErrorCode.NOT_FOUND)


class Example(PythonTest):
    def test_example(self):
        self.client().keyspace_create('inventory')
        config = self.write_config()
        for _ in range(2):  # it finds what it left
            done = subprocess.run(
                [sys.executable, '-B', EXAMPLE, '--config', config], text=True, timeout=120,
                capture_output=True, check=False, env={**os.environ, 'PYTHONPATH': PACKAGES})
            self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout.splitlines(),
                         ['bolts: 40', 'nuts: 60', 'taken: 5 bolts', 'not taken: 1000 nuts',
                          'bolts: 35', 'nuts: 60'])


class Types(NodeTest):
    def test_mypy_strict(self):
        if subprocess.run([sys.executable, '-c', 'import mypy'], check=False,
                          capture_output=True).returncode:
            self.skipTest('mypy is not installed')
        run(sys.executable, '-m', 'mypy', '--config-file',
            ROOT / 'kvnode/client/python/mypy.ini', pathlib.Path(PACKAGES) / 'metaring',
            EXAMPLE, env={**os.environ, 'MYPYPATH': PACKAGES})


if __name__ == '__main__':
    main()
