# SPDX-License-Identifier: Apache-2.0
"""A real kvnode: its start and its end, its signals, its configuration, what it refuses."""

import json
import os
import pathlib
import signal
import socket
import ssl
import threading

import kv_wire
from harness import ROOT, main, run, wait_until
from kv_wire import I32, Connection, Refused
from node_harness import KVNODE, NodeTest


class Lifecycle(NodeTest):
    def test_start_stop_start(self):
        node = self.node().start()
        with node.connect() as client:
            client.create('ks')
            client.put('ks', 'key', 'value')
            self.assertEqual(client.get('ks', 'key'), b'value')
            self.assertIsNone(client.get('ks', 'missing'))
            self.assertEqual(client.health(), 1)
        self.assertEqual((node.directory / 'data').stat().st_mode & 0o777, 0o700)
        node.stop()
        self.assertIn('stopped', node.said())
        node.start()
        with node.connect() as client:
            self.assertEqual(client.get('ks', 'key'), b'value')
        node.stop(signal.SIGINT)

    def test_requests_in_flight_end_before_the_node_does(self):
        node = self.node().start()
        with node.connect() as client:
            client.create('ks')
            value = b'x' * (4 << 20)
            for number in range(8):
                client.send(kv_wire.frame('put', {1: {1: {1: 'ks'}, 2: f'k{number}', 3: value}},
                                          number))
            client.receive()  # the others have arrived, or will not be begun
            node.send(signal.SIGTERM)
            answered = 1
            try:
                while True:
                    _, _, result = client.receive()
                    self.assertIn(0, result)
                    answered += 1
            except (ConnectionError, ssl.SSLError):
                pass
        self.assertEqual(node.process.wait(timeout=60), 0)
        node.start()
        with node.connect() as client:
            kept = sum(client.get('ks', f'k{number}') is not None for number in range(8))
        self.assertGreaterEqual(kept, answered)

    def test_two_daemons_on_one_directory(self):
        node = self.node().start()
        said = node.refuse()
        self.assertIn(f'in use by process {node.process.pid}', said)
        with node.connect() as client:
            self.assertEqual(client.health(), 1)

    def test_another_clusters_directory(self):
        node = self.node().start()
        node.stop()
        node.configure(node={'cluster_id': '0' * 32})
        self.assertIn('belongs to cluster', node.refuse())
        node.configure(node={'id': 2})
        self.assertIn('belongs to node 1', node.refuse())
        node.configure()
        identity = node.directory / 'data' / 'NODE'
        good = identity.read_text()
        identity.write_text(good.replace('node 1\n', 'node 2\n', 1))
        self.assertIn('format version 2, this program knows version 1', node.refuse())
        identity.write_text(good[:-1])
        self.assertIn('NODE is damaged', node.refuse())
        identity.write_text(good)
        node.start()

    def test_systemd_is_told(self):
        path = str(self.directory / 'notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(60)
            node = self.node().start(NOTIFY_SOCKET=path, WATCHDOG_USEC='400000')
            seen = []

            def await_state(text):
                while not any(text in state for state in seen):
                    seen.append(notify.recv(4096).decode())

            await_state('READY=1')
            self.assertTrue(any(f'STATUS=Serving clients on {node.address}' in state
                                for state in seen))
            await_state('WATCHDOG=1')
            seen.clear()
            node.send(signal.SIGHUP)
            await_state('RELOADING=1\nMONOTONIC_USEC=')
            await_state('READY=1')
            node.send(signal.SIGTERM)
            await_state('STOPPING=1')
            self.assertEqual(node.process.wait(timeout=60), 0)


class Configuration(NodeTest):
    def test_command_line(self):
        self.assertRegex(run(KVNODE, '--version'), r'^kvnode \d+\.\d+\.\d+\n$')
        self.assertIn('--check-config', run(KVNODE, '--help'))
        self.assertIn('--config FILE is needed', run(KVNODE, status=2))
        run(KVNODE, '--no-such-option', status=2)
        self.assertEqual(run(KVNODE, '--sample-config'),
                         pathlib.Path(ROOT, 'packaging/kvnode.toml').read_text())
        node = self.node()
        self.assertIn('is good', node.refuse('--check-config', status=0))

    def test_errors_have_file_and_line(self):
        node = self.node()
        node.config.write_text('[node]\nid = 1\nidd = 2\n')
        for arguments in ((), ('--check-config',)):
            self.assertEqual(node.refuse(*arguments, status=2),
                             f'kvnode: {node.config}:3: unknown option node.idd\n')
        node.configure()
        more = node.directory / 'conf.d'
        more.mkdir()
        (more / 'ten.toml').write_text('\n[limits]\n\nrequests_max = "many"\n')
        self.assertIn(f'{more}/ten.toml:4: limits.requests_max must be a number', node.refuse(
            status=2))
        self.assertFalse((node.directory / 'data').exists())

    def test_plain_text_is_for_loopback_and_says_that_it_is_insecure(self):
        node = self.node()
        node.configure(tls={'insecure_plain_text': True}, listen={'clients': '0.0.0.0:0'})
        self.assertIn('kvnode.toml:4: listen.clients must be a loopback address',
                      node.refuse(status=2))
        node.configure(tls={'insecure_plain_text': True})
        for _ in range(2):
            node.start()
            with Connection(node.address) as client:
                self.assertEqual(client.health(), 1)
            node.stop()
        self.assertEqual(node.said().count('INSECURE'), 2)

    def test_logs_as_json_and_says_what_is_slow(self):
        node = self.node()
        node.configure(logging={'format': 'json', 'slow_request_ms': 1})
        node.start()
        with node.connect() as client:
            client.create('ks')

            def a_put_is_logged():  # of slow requests in quick succession only some are
                client.put('ks', 'key', b'x' * (8 << 20))
                return '"method":"put"' in node.said()

            wait_until(a_put_is_logged, 'a slow put is logged')
        node.stop()
        lines = [json.loads(line) for line in node.said().splitlines()]
        self.assertTrue(all({'time', 'level', 'component', 'message'} <= line.keys()
                            for line in lines))
        slow = [line for line in lines if line['component'] == 'slow']
        self.assertIn('put', [line['method'] for line in slow])
        self.assertIn('root', [line['peer'] for line in slow])


class Reload(NodeTest):
    def test_a_revocation_holds_and_drops_nobody_else(self):
        node = self.node()
        node.cert('create-client', 'alice')
        node.cert('create-client', 'bob')
        node.cert('revoke', node.pki / 'bob.crt')
        node.configure(tls={'crl': 'pki/ca.crl'})
        node.start()
        stop = threading.Event()
        failures = []
        count = 0

        def work():
            nonlocal count
            with node.connect('root') as client:
                while not stop.is_set():
                    try:
                        client.put('ks', 'key', 'value')
                        count += 1
                    except Exception as error:  # pylint: disable=broad-except
                        failures.append(error)
                        return

        with node.connect() as root:
            root.create('ks')
            root.grant('alice', 'ks', 1)
        worker = threading.Thread(target=work)
        worker.start()
        try:
            with node.connect('alice') as alice:
                self.assertIsNone(alice.get('ks', 'missing'))
                node.cert('revoke', node.pki / 'alice.crt')
                node.send(signal.SIGHUP)
                node.await_said('certificates were read again')
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    with node.connect('alice') as again:
                        again.health()
                with node.connect('root') as root:
                    self.assertEqual(root.health(), 1)
            before = count
            wait_until(lambda: count > before + 10 or failures, 'the old connection goes on')
        finally:
            stop.set()
            worker.join()
        self.assertEqual(failures, [])
        node.stop()

    def test_what_can_change_changes_and_what_cannot_is_told(self):
        node = self.node().start()
        node.configure(logging={'level': 'debug', 'slow_request_ms': 7}, threads={'io': 9})
        node.send(signal.SIGHUP)
        node.await_said('logging.slow_request_ms is 7 now')
        self.assertIn('logging.level is "debug" now', node.said())
        self.assertIn('threads.io stays 2 until a restart', node.said())
        node.config.write_text('[logging]\nlevel = "loud"\n')
        node.send(signal.SIGHUP)
        node.await_said('kvnode.toml:2: logging.level must be one of')
        with node.connect() as client:
            self.assertEqual(client.health(), 1)
        node.stop()

    def test_a_revocation_list_that_expires_is_warned_of_and_one_that_has_is_an_error(self):
        node = self.node()
        node.cert('revoke', '--days', '1')  # an empty list
        node.configure(tls={'crl': 'pki/ca.crl'})
        node.start()
        node.await_said('the revocation list expires in')
        self.assertRegex(node.said(), r'the revocation list expires in 2[34] hours.*ca\.crl')
        with node.connect() as client:
            self.assertEqual(client.health(), 1)

    def test_certificates_are_read_again_by_a_timer(self):
        node = self.node()
        node.configure(tls={'reload_seconds': 1, 'expiry_warning_days': 3000})
        node.start()
        node.await_said('certificates were read again', 2)
        self.assertRegex(node.said(), r'the certificate expires in .*node-1\.crt')
        node.cert('create-node', 'node-1', '--host', '127.0.0.1', '--force')
        node.await_said('certificates were read again', 4)
        with node.connect() as client:
            self.assertEqual(client.health(), 1)
        (node.pki / 'node-1.crt').write_text('nothing')
        node.await_said('the certificates stay as they were')
        with node.connect() as client:
            self.assertEqual(client.health(), 1)

    def test_a_renamed_log_is_left(self):
        node = self.node()
        node.start()
        node.stop()
        node.configure(logging={'file': 'kvnode.log'})
        node.start()
        moved = node.directory / 'moved.log'
        node.log.rename(moved)
        node.send(signal.SIGHUP)
        wait_until(lambda: 'read again' in node.said(), 'the new file is written')
        self.assertNotIn('read again', moved.read_text())


class Strangers(NodeTest):
    """Whoever is not who he must be gets no byte of an answer, and the node goes on."""

    def assert_turned_away(self, node, context):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            with Connection(node.address, context) as client:
                client.health()
        with node.connect() as client:
            self.assertEqual(client.health(), 1)

    def test_without_the_right_certificate(self):
        node = self.node().start()
        other = self.node('other')
        self.assert_turned_away(node, kv_wire.tls_context(node.pki / 'ca.crt'))
        foreign = kv_wire.tls_context(node.pki / 'ca.crt', other.pki / 'node-1.crt',
                                      other.pki / 'node-1.key')
        self.assert_turned_away(node, foreign)
        old = node.context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assert_turned_away(node, old)
        self.assertIn('failed its handshake', node.said())
        node.stop()

    def test_without_tls(self):
        node = self.node().start()
        for said in (b'GET / HTTP/1.1\r\n\r\n', b'SSH-2.0-x\r\n', kv_wire.frame('hello', {1: {}}),
                     b'\0' * 100):
            with Connection(node.address) as client:
                client.send(said)
                answer = b''
                try:
                    while more := client.socket.recv(4096):
                        answer += more
                except ConnectionError:
                    pass
                self.assertNotIn(b'hello', answer)
        with node.connect() as client:
            self.assertEqual(client.health(), 1)

    def test_denials_and_admin_actions_are_audited(self):
        node = self.node().start()
        with node.connect() as root, node.connect('alice') as alice:
            root.create('ks')
            for request in (lambda: alice.get('ks', 'key'), lambda: alice.create('own'),
                            lambda: alice.grant('alice', '*', 3),
                            lambda: alice.call('heartbeat', {}), alice.stats):
                with self.assertRaises(Refused) as refused:
                    request()
                self.assertEqual(refused.exception.code, kv_wire.PERMISSION_DENIED)
            root.grant('alice', 'ks', 2)
            alice.put('ks', 'key', 'value')
        said = node.said()
        self.assertRegex(said, r'warning audit: denied peer=alice role=client '
                               r'address=127\.0\.0\.1:\d+ method=get about=ks')
        self.assertRegex(said, r'info audit: "?admin action"? peer=root role=admin '
                               r'address=127\.0\.0\.1:\d+ method=keyspace_create about=ks '
                               r'outcome=done')
        self.assertRegex(said, r'method=grant_set about="alice in ks: write" outcome=done')

    def test_frames_that_lie(self):
        node = self.node().start()
        with node.connect() as client:
            # A list of 2^31-1 structs in 20 bytes, then nesting without end.
            lying = b'\x0c\x00\x01\x0f\x00\x02\x0b\x7f\xff\xff\xff\x00\x00'
            client.send(kv_wire.frame('multi_get', lying, 1))
            self.assertEqual(client.receive()[2][1][1], kv_wire.INVALID_ARGUMENT)
            deep = b'\x0c\x00\x63' * 100_000
            client.send(kv_wire.frame('get', deep, 2))
            self.assertEqual(client.receive()[2][1][1], kv_wire.INVALID_ARGUMENT)
            client.send(kv_wire.frame('no_such_method', {}, 3))
            self.assertEqual(client.receive()[1], kv_wire.EXCEPTION)
            with self.assertRaises(Refused) as refused:
                client.call('scan', {1: {1: 'a/b\0'}, 4: I32(5)})
            self.assertEqual(refused.exception.code, kv_wire.NOT_FOUND)
            with self.assertRaises(Refused) as refused:
                client.create('a/b\0')
            self.assertEqual(refused.exception.code, kv_wire.INVALID_ARGUMENT)
            client.send(b'\x7f\xff\xff\xff')
            with self.assertRaises((ConnectionError, ssl.SSLError)):
                client.receive()
        rss = next(line for line in pathlib.Path(f'/proc/{node.process.pid}/status').read_text()
                   .splitlines() if line.startswith('RssAnon'))
        self.assertLess(int(rss.split()[1]), 128 << 10)


class Crashes(NodeTest):
    WORKERS = 4

    def test_kill_9_loses_nothing_and_applies_nothing_twice(self):
        """Each worker adds to its own counter and puts, and retries under the same request id."""
        node = self.node().start()
        with node.connect() as client:
            client.create('ks')
        stop = threading.Event()
        acknowledged = [0] * self.WORKERS
        errors = []

        def work(worker):
            client_id = 1000 + worker
            connection = None
            while not stop.is_set():
                sequence = acknowledged[worker] + 1
                try:
                    connection = connection or node.connect()
                    connection.add('ks', f'counter{worker}', 1, (client_id, sequence))
                    connection.put('ks', f'{worker}/{sequence}', str(sequence))
                    acknowledged[worker] = sequence
                except (OSError, ssl.SSLError):
                    if connection:
                        connection.close()
                    connection = None
                    stop.wait(0.02)
                except Exception as error:  # pylint: disable=broad-except
                    errors.append(error)
                    return

        node.context()  # made before the threads
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(self.WORKERS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(int(os.environ.get('METARING_CRASH_ROUNDS', '5'))):
                before = sum(acknowledged)
                wait_until(lambda floor=before: sum(acknowledged) >= floor + 40 or errors,
                           'the workers get on')
                node.kill()
                node.start()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        with node.connect() as client:
            for worker, count in enumerate(acknowledged):
                total = int.from_bytes(client.get('ks', f'counter{worker}') or b'', 'little')
                # What was sent last may have been applied without its answer, once.
                self.assertIn(total, (count, count + 1))
                for sequence in range(1, count + 1):
                    self.assertEqual(client.get('ks', f'{worker}/{sequence}'),
                                     str(sequence).encode())
        node.stop()

    def test_a_full_store_refuses_puts_and_heals(self):
        node = self.node()
        node.configure(store={'quota_bytes': '24M', 'reserve_bytes': '8M',
                              'overlay_bytes_max': '1M', 'overlay_age_ms': 50})
        node.start()
        value = bytes(os.urandom(256 << 10))
        with node.connect() as client:
            client.create('ks')
            written = 0
            with self.assertRaises(Refused) as refused:
                for written in range(1000):
                    client.put('ks', f'k{written}', value)
            self.assertEqual(refused.exception.code, kv_wire.NO_SPACE)
            self.assertEqual(client.health(), 2)
            self.assertEqual(client.get('ks', 'k0'), value)
            for number in range(written):
                self.assertTrue(client.delete('ks', f'k{number}'))

            def heals():
                try:
                    client.put('ks', 'again', value)
                    return True
                except Refused:
                    return False
            wait_until(heals, 'there is room again')
            self.assertEqual(client.health(), 1)
        node.stop()


if __name__ == '__main__':
    main()
