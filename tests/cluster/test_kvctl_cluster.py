# SPDX-License-Identifier: Apache-2.0
"""kvctl on a real kvnode over TLS, and the clusters that `kvctl dev` makes."""

import json
import os
import pathlib
import shlex
import signal
import subprocess

from harness import ClusterTest, main, needs, run, wait_until
from node_harness import KVCTL, NodeTest

VARIABLES = ('ENDPOINTS', 'CA', 'CERT', 'KEY', 'CONFIG')


class Kvctl:
    """Calls of kvctl, with nothing in the environment but what a test puts there."""

    environment = {}

    def kvctl(self, *command, status=0, given=b'', cwd=None):
        """Its stdout, as bytes."""
        environment = {**os.environ, 'HOME': str(self.directory), **self.environment}
        for name in VARIABLES:
            if f'METARING_{name}' not in self.environment:
                environment.pop(f'METARING_{name}', None)
        environment.pop('XDG_CONFIG_HOME', None)
        done = subprocess.run([KVCTL, *map(str, command)], input=given, capture_output=True,
                              timeout=120, check=False, env=environment, cwd=cwd)
        self.said = done.stderr.decode()
        self.assertEqual(done.returncode, status, self.said)
        return done.stdout

    def kvctl_json(self, *command, **options):
        return json.loads(self.kvctl(*command, '-o', 'json', **options))


class KvctlNodeTest(Kvctl, NodeTest):
    def setUp(self):
        super().setUp()
        self.server = self.node().start()
        for name in ('root', 'alice'):
            self.server.context(name)
        self.environment = {'METARING_CONFIG': str(self.configure('root'))}

    def configure(self, name, **more):
        """A client configuration; a value of None leaves its key out."""
        keys = {'endpoints': [self.server.address], 'ca': 'pki/ca.crt', 'cert': f'pki/{name}.crt',
                'key': f'pki/{name}.key', **more}
        file = self.server.directory / f'{name}.toml'
        file.write_text(''.join(f'{key} = {json.dumps(value)}\n' for key, value in keys.items()))
        return file

    def as_alice(self, *command, **options):
        return self.kvctl('--config', self.configure('alice'), *command, **options)


class Reaching(KvctlNodeTest):
    def test_flags_environment_and_files(self):
        self.kvctl('keyspace', 'create', 'ks')
        self.kvctl('put', 'ks', 'key', 'value')
        pki = self.server.pki
        root = (pki / 'ca.crt', pki / 'root.crt', pki / 'root.key')
        self.environment = {}
        flags = [word for pair in zip(('--ca', '--cert', '--key'), root) for word in pair]
        get = ('get', 'ks', 'key')
        self.kvctl(*get, status=2)
        self.assertIn('no store is named', self.said)
        self.assertEqual(self.kvctl(*get, '-e', self.server.address, *flags), b'value')
        self.kvctl(*get, '-e', self.server.address, status=2)
        self.assertIn('ca, cert and key', self.said)
        self.environment = {'METARING_ENDPOINTS': f'127.0.0.1:1,{self.server.address}',
                            'METARING_CA': str(root[0]), 'METARING_CERT': str(root[1]),
                            'METARING_KEY': str(root[2])}
        self.assertEqual(self.kvctl(*get), b'value')
        # What the command line names goes before the environment.
        self.environment['METARING_ENDPOINTS'] = 'embedded:/nonexistent'
        config = self.configure('root')
        self.assertEqual(self.kvctl('--config', config, *get), b'value')
        self.assertEqual(self.kvctl(*get, '--config', config), b'value')
        self.environment = {}
        default = self.directory / '.config' / 'metaring' / 'kvctl.toml'
        default.parent.mkdir(parents=True)
        default.write_text(config.read_text().replace('"pki/', f'"{pki}/'))
        self.assertEqual(self.kvctl(*get), b'value')
        default.write_text('endpoint = "x"\n')
        self.kvctl(*get, status=2)
        self.assertIn("kvctl.toml:1: there is no key 'endpoint'", self.said)
        self.kvctl('--config', self.directory / 'missing.toml', *get, status=1)
        self.assertIn('missing.toml', self.said)

    def test_what_is_wrong_is_one_line(self):
        other = self.node('other')
        other.context('root')
        alice = self.configure('alice')
        wrong = [
            (('-e', '127.0.0.1:1'), 1, 'Connection refused'),
            (('--cert', other.pki / 'root.crt', '--key', other.pki / 'root.key'), 1, 'unknown ca'),
            (('--ca', other.pki / 'ca.crt'), 1, 'certificate verify failed'),
            (('--cert', self.server.pki / 'node-1.crt', '--key', self.server.pki / 'node-1.key'),
             1, 'node "node-1" may not call'),
            (('--ca', self.directory / 'none.crt'), 2, 'none.crt'),
            (('-e', 'nowhere'), 2, 'embedded:DIR'),
            (('--config', alice), 1, "no keyspace 'ks' that this client may use"),
        ]
        self.kvctl('keyspace', 'create', 'ks')
        for arguments, status, text in wrong:
            self.kvctl('get', 'ks', 'key', *arguments, status=status)
            self.assertIn(text, self.said)
            self.assertEqual(self.said.count('\n'), 1, self.said)


class Data(KvctlNodeTest):
    def test_records(self):
        self.kvctl('keyspace', 'create', 'ks', '--compression', 'zstd')
        content = bytes(range(256)) * 8000
        self.kvctl('put', 'ks', 'big', '--value-file', '-', given=content)
        self.assertEqual(self.kvctl('get', 'ks', 'big'), content)
        self.assertEqual(self.kvctl('get', 'ks', 'missing', status=1), b'')
        self.assertIn("no key 'missing' in keyspace ks", self.said)
        self.kvctl('put', 'ks', 'b/1', 'value')
        self.assertEqual(self.kvctl('scan', 'ks', 'b/'), b'b/1\tvalue\n')
        wanted = json.dumps({'compares': [{'absent': 'k'}], 'then': [{'put': ['k', 'v']}]}).encode()
        self.kvctl('txn', 'ks', given=wanted)
        self.kvctl('txn', 'ks', given=wanted, status=1)
        self.kvctl('delete', 'ks', 'k')
        self.kvctl('delete', 'ks', 'k', status=1)
        self.kvctl('put', 'ks', 'k', '--value-file', '-', given=bytes((16 << 20) + 1), status=1)
        self.assertIn('16777216', self.said)

    def test_keyspaces(self):
        self.kvctl('keyspace', 'create', 'ks', '--mode', 'strong', '--replicas', '5', '--write-ack',
                   'all_in_sync', '--placement', 'parent', '--compression', 'zstd')
        shown = self.kvctl_json('keyspace', 'show', 'ks')
        self.assertEqual(shown, {'name': 'ks', 'mode': 'strong', 'replicas': 5,
                                 'write_ack': 'all_in_sync', 'placement': 'parent',
                                 'compression': 'zstd', 'compression_bytes_min': 512})
        self.kvctl('keyspace', 'create', 'ks', status=1)
        self.kvctl('keyspace', 'create', 'other', '--mode', 'eventual', status=1)
        self.assertIn('eventual', self.said)
        self.kvctl('keyspace', 'create', 'other', '--replicas', '10', status=2)
        self.kvctl('keyspace', 'drop', 'ks')
        self.assertEqual(self.kvctl_json('keyspace', 'list'), [])
        self.kvctl('keyspace', 'drop', 'ks', status=1)

    def test_volumes_and_files(self):
        self.kvctl('volume', 'create', 'vol', '--block-size', '16K')
        self.kvctl('fs', 'mkdir', 'vol', '/a')
        self.kvctl('fs', 'create', 'vol', '/a/file')
        self.kvctl('fs', 'xattr', 'set', 'vol', '/a/file', 'user.colour', 'blue')
        store = f'embedded:{self.directory / "store"}'
        self.kvctl('volume', 'copy', 'vol', 'copied', '--to', store)
        self.assertEqual(self.kvctl('fs', 'xattr', 'get', 'copied', 'a/file', 'user.colour', '-e',
                                    store), b'blue')
        self.kvctl('volume', 'copy', 'copied', 'back', '-e', store, '--to', self.server.address)
        self.assertEqual([each['name'] for each in self.kvctl_json('volume', 'list')],
                         ['back', 'vol'])
        entry = self.kvctl('fs', 'ls', 'back', '/a', '-o', 'json')
        self.assertEqual(json.loads(entry)['name'], 'file')
        self.kvctl('volume', 'delete', 'back')
        self.kvctl('volume', 'show', 'back', status=1)


class Operating(KvctlNodeTest):
    def test_status_health_stats(self):
        self.kvctl('keyspace', 'create', 'ks')
        status = self.kvctl_json('status')
        self.assertEqual([(node['name'], node['address']) for node in status['nodes']],
                         [('node-1', self.server.address)])
        self.assertEqual((status['asked']['health'], status['keyspaces']), ('ok', ['ks']))
        self.assertIn(status['cluster_id'].encode(), self.kvctl('status'))
        self.assertEqual(self.kvctl('health'), b'ok\n')
        before = self.kvctl_json('stats')['requests.get']
        self.kvctl('get', 'ks', 'key', status=1)
        self.assertEqual(self.kvctl_json('stats')['requests.get'], before + 1)
        self.assertIn(b'requests.get', self.kvctl('stats'))
        self.as_alice('stats', status=1)
        self.assertIn('permission_denied', self.said)
        self.kvctl('health', '-e', 'embedded:x', status=2)
        self.server.stop()
        self.kvctl('health', status=1)

    def test_grants(self):
        self.kvctl('keyspace', 'create', 'ks')
        self.as_alice('put', 'ks', 'key', 'value', status=1)
        self.kvctl('grant', 'set', 'alice', 'ks', 'read')
        self.as_alice('put', 'ks', 'key', 'value', status=1)
        self.assertIn('permission_denied', self.said)
        self.kvctl('grant', 'set', 'alice', 'ks', 'write')
        self.as_alice('put', 'ks', 'key', 'value')
        self.kvctl('grant', 'set', 'bob', '*', 'admin')
        self.assertEqual(self.kvctl_json('grant', 'list'),
                         [{'client': 'alice', 'keyspace': 'ks', 'access': 'write'},
                          {'client': 'bob', 'keyspace': '*', 'access': 'admin'}])
        self.assertEqual(len(self.kvctl_json('grant', 'list', 'bob')), 1)
        self.kvctl('grant', 'remove', 'alice', 'ks')
        self.as_alice('get', 'ks', 'key', status=1)
        self.as_alice('grant', 'set', 'alice', 'ks', 'admin', status=1)
        self.kvctl('grant', 'set', 'alice', 'ks', 'everything', status=2)


class Measuring(KvctlNodeTest):
    def test_bench_kv(self):
        self.kvctl('keyspace', 'create', 'ks')
        self.kvctl('put', 'ks', 'own', 'value')
        bench = ('bench', 'kv', 'ks', '--keys', '300', '--value-bytes', '100')
        report = self.kvctl_json(*bench, '--operations', '500', '--in-flight', '8')
        self.assertEqual([(each['phase'], each['ops']) for each in report['results']],
                         [('put', 500), ('get', 500)])
        for each in report['results']:
            latency = each['latency_us']
            self.assertLessEqual(latency['p50'], latency['p99'])
            self.assertLessEqual(latency['p99'], latency['max'])
        self.assertEqual(self.kvctl('scan', 'ks', '--keys-only'), b'own\n')
        lines = self.kvctl(*bench, '--seconds', '1', '--keep').decode().splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['phase', 'put', 'get'])
        self.assertEqual(len(self.kvctl('scan', 'ks', 'kvctl-bench/').splitlines()), 300)
        self.kvctl('bench', 'kv', 'none', status=1)
        self.kvctl('grant', 'set', 'alice', 'ks', 'read')
        self.as_alice(*bench, '--seconds', '1', status=1)
        self.assertIn('permission_denied', self.said)


class Completion(Kvctl, ClusterTest):
    def complete(self, *words):
        """What bash would offer for the last of `words`."""
        script = self.kvctl('completion', 'bash').decode() + (
            f'COMP_WORDS=(kvctl {" ".join(map(shlex.quote, words))})\n'
            f'COMP_CWORD={len(words)}\n_kvctl\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n')
        return run('bash', '--norc', '-c', script).split()

    def test_bash_completes_commands_and_options(self):
        self.assertEqual(self.complete('ke'), ['keyspace'])
        offered = self.complete('keyspace', '')
        self.assertLessEqual({'create', 'list', 'show', 'drop'}, set(offered))
        self.assertEqual(self.complete('keyspace', 'create', '--write'), ['--write-ack'])
        self.assertEqual(self.complete('fs', 'xattr', 'g'), ['get'])
        self.assertEqual(self.complete('put', 'ks', 'key', '--value-f'), ['--value-file'])
        self.assertEqual(self.complete('get', 'put', '--hex', '--value-f'), [])

    def check_syntax(self, shell):
        script = self.directory / shell
        script.write_bytes(self.kvctl('completion', shell))
        run(shell, '-n', script)

    @needs('zsh')
    def test_zsh(self):
        self.check_syntax('zsh')

    @needs('fish')
    def test_fish(self):
        self.check_syntax('fish')

    def test_every_command_is_in_each(self):
        for shell in ('bash', 'zsh', 'fish'):
            script = self.kvctl('completion', shell).decode()
            for word in ('keyspace create', 'bench kv', 'completion', 'value-file'):
                self.assertIn(word, script)
        self.kvctl('completion', 'csh', status=2)


class Dev(Kvctl, ClusterTest):
    def setUp(self):
        super().setUp()
        self.dev = self.directory / 'dev'
        self.addCleanup(self.end)

    def up(self):
        return self.kvctl_json('dev', 'up', '--dir', self.dev)['nodes'][0]

    def end(self):
        if (self.dev / 'node-1' / 'kvnode.toml').exists():
            self.kvctl('dev', 'down', '--dir', self.dev)

    def test_up_down_up(self):
        said = self.kvctl('dev', 'up', '--dir', self.dev).decode()
        admin = ('--config', self.dev / 'kvctl.toml')
        client = ('--config', self.dev / 'client.toml')
        for text in (*admin[1:], *client[1:], self.dev / 'pki' / 'ca.crt', 'get demo greeting'):
            self.assertIn(str(text), said)
        first = self.up()
        self.assertIn(first['endpoint'], said)
        self.kvctl(*admin, 'keyspace', 'create', 'demo')
        self.kvctl(*client, 'put', 'demo', 'greeting', 'hello')
        self.kvctl(*client, 'keyspace', 'create', 'other', status=1)
        self.assertEqual(self.up()['pid'], first['pid'])
        self.kvctl('dev', 'status', '--dir', self.dev)
        os.kill(first['pid'], signal.SIGKILL)
        wait_until(lambda: b'not running' in subprocess.run(
            [KVCTL, 'dev', 'status', '--dir', self.dev], capture_output=True, check=False).stdout,
                   'the node is seen to be gone')
        again = self.up()
        self.assertEqual(again['endpoint'], first['endpoint'])
        self.assertEqual(self.kvctl(*client, 'get', 'demo', 'greeting'), b'hello')
        self.kvctl('dev', 'down', '--dir', self.dev)
        self.assertFalse(self.kvctl_json('dev', 'status', '--dir', self.dev, status=1)
                         ['nodes'][0]['running'])
        self.kvctl('dev', 'down', '--dir', self.dev)

    def test_the_directory_however_it_is_spelled(self):
        self.kvctl('dev', 'up', '--dir', 'dev/', cwd=self.directory)
        pid = self.up()['pid']
        for spelled in ('dev', './dev/', f'../{self.directory.name}/dev'):
            seen = self.kvctl_json('dev', 'status', '--dir', spelled, cwd=self.directory)
            self.assertEqual(seen['nodes'][0]['pid'], pid)
        self.kvctl('dev', 'down', '--dir', 'dev', cwd=self.directory)
        self.kvctl('dev', 'status', '--dir', self.dev, status=1)

    def test_only_its_own_process_is_stopped(self):
        self.up()
        self.kvctl('dev', 'down', '--dir', self.dev)
        with subprocess.Popen(['sleep', '600']) as other:
            try:
                (self.dev / 'node-1' / 'pid').write_text(f'{other.pid}\n')
                self.kvctl('dev', 'down', '--dir', self.dev)
                self.assertIsNone(other.poll())
            finally:
                other.kill()

    def test_what_it_refuses(self):
        self.kvctl('dev', 'up', '--dir', self.dev, '--nodes', '3', status=1)
        self.assertIn('no replication', self.said)
        self.kvctl('dev', 'status', '--dir', self.dev, status=1)
        self.assertIn('kvctl dev up makes one', self.said)
        self.dev.mkdir()
        (self.dev / 'file').write_text('mine')
        self.kvctl('dev', 'up', '--dir', self.dev, status=1)
        self.assertEqual(os.listdir(self.dev), ['file'])

    def test_a_node_that_cannot_start_is_told_at_once(self):
        self.up()
        self.kvctl('dev', 'down', '--dir', self.dev)
        config = pathlib.Path(self.dev / 'node-1' / 'kvnode.toml')
        good = config.read_text()
        config.write_text(good + 'nonsense = 1\n')
        self.kvctl('dev', 'up', '--dir', self.dev, status=1)
        self.assertIn('unknown option tls.nonsense', self.said)
        config.write_text(good)


if __name__ == '__main__':
    main()
