# SPDX-License-Identifier: Apache-2.0
"""kvctl on an embedded store, as an operator or a script calls it."""

import json
import os
import subprocess

from harness import FUSEFS, ROOT, ClusterTest, main, needs, run

KVCTL = os.environ.get('METARING_KVCTL', str(ROOT / 'build/release/bin/kvctl'))


class KvctlTest(ClusterTest):
    def setUp(self):
        super().setUp()
        self.store = f'embedded:{self.directory / "store"}'

    def kvctl(self, *command, status=0, given=b''):
        """Its stdout, as bytes."""
        done = subprocess.run([KVCTL, *map(str, command)], input=given, capture_output=True,
                              timeout=120, check=False,
                              env={**os.environ, 'METARING_ENDPOINTS': self.store})
        self.said = done.stderr.decode()
        self.assertEqual(done.returncode, status, self.said)
        return done.stdout

    def kvctl_json(self, *command, **options):
        return json.loads(self.kvctl(*command, '-o', 'json', **options))


class Records(KvctlTest):
    def setUp(self):
        super().setUp()
        self.kvctl('keyspace', 'create', 'ks')

    def test_put_get_delete(self):
        self.kvctl('put', 'ks', 'key', 'value')
        self.assertEqual(self.kvctl('get', 'ks', 'key'), b'value')
        self.assertEqual(self.kvctl_json('get', 'ks', 'key')['value'], 'value')
        self.kvctl('delete', 'ks', 'key')
        self.assertEqual(self.kvctl('get', 'ks', 'key', status=1), b'')
        self.assertIn("no key 'key' in keyspace ks", self.said)
        self.kvctl('delete', 'ks', 'key', status=1)

    def test_values_from_files_and_stdin_in_any_bytes(self):
        content = bytes(range(256)) * 3000  # larger than a log record may be
        file = self.directory / 'value'
        file.write_bytes(content)
        self.kvctl('put', 'ks', 'file', '--value-file', file)
        self.kvctl('put', 'ks', 'stdin', '--value-file', '-', given=content * 3)
        self.assertEqual(self.kvctl('get', 'ks', 'file'), content)
        self.assertEqual(self.kvctl('get', 'ks', 'stdin'), content * 3)
        self.kvctl('put', 'ks', 'x', '--value-file', self.directory / 'missing', status=1)
        self.assertIn('missing', self.said)

    def test_hexadecimal(self):
        self.kvctl('put', 'ks', '--hex', '00ff', 'DEADbeef')
        self.assertEqual(self.kvctl('get', 'ks', '--hex', '00FF'), b'deadbeef\n')
        self.kvctl('get', 'ks', '--hex', '00ff', '-o', 'json')
        self.kvctl('scan', 'ks', '-o', 'json', status=2)
        self.assertIn('not UTF-8', self.said)
        self.kvctl('get', 'ks', '--hex', '0', status=2)
        self.assertIn('hexadecimal', self.said)

    def test_scan(self):
        for key in ('a/1', 'a/2', 'b/1', 'b\n2'):
            self.kvctl('put', 'ks', key, f'<{key}>')
        self.assertEqual(self.kvctl('scan', 'ks', 'a/'), b'a/1\t<a/1>\na/2\t<a/2>\n')
        self.assertEqual(self.kvctl('scan', 'ks', '--keys-only', '--limit', '3'),
                         b'a/1\na/2\nb\\x0a2\n')
        self.assertEqual(self.kvctl('scan', 'ks', '--begin', 'a/2', '--end', 'b/1', '--keys-only'),
                         b'a/2\nb\\x0a2\n')
        lines = self.kvctl('scan', 'ks', '-o', 'json').splitlines()
        self.assertEqual([json.loads(line)['key'] for line in lines], ['a/1', 'a/2', 'b\n2', 'b/1'])
        self.kvctl('scan', 'ks', '--begin', 'a', status=2)

    def test_txn(self):
        wanted = {'compares': [{'absent': 'k'}], 'then': [{'put': ['k', 'v']}, {'add': ['n', 5]}],
                  'else': ['k', 'missing']}
        text = json.dumps(wanted).encode()
        first = json.loads(self.kvctl('txn', 'ks', given=text))
        self.assertTrue(first['succeeded'])
        second = json.loads(self.kvctl('txn', 'ks', given=text, status=1))
        self.assertEqual(second['failed_compare'], 0)
        self.assertEqual(second['reads'], [{'value': 'v', 'version': first['version']}, None])
        self.assertEqual(self.kvctl('get', 'ks', '--hex', b'n'.hex()), b'0500000000000000\n')
        self.kvctl('txn', 'ks', given=b'{"then": [{"put": ["k"]}]}', status=2)
        self.assertIn('then[0].put', self.said)

    def test_bounds_are_named(self):
        self.kvctl('put', 'ks', 'k', '--value-file', '-', given=bytes((16 << 20) + 1), status=1)
        self.assertIn('16777216', self.said)
        self.kvctl('get', 'other', 'k', status=1)
        self.assertIn('no keyspace "other"', self.said)
        self.kvctl('get', 'ks', 'k', '-e', 'nowhere', status=2)
        self.assertIn('embedded:DIR', self.said)


class Keyspaces(KvctlTest):
    def test_create_list_show_drop(self):
        self.kvctl('keyspace', 'create', 'plain')
        self.kvctl('keyspace', 'create', 'packed', '--compression', 'zstd')
        self.kvctl('keyspace', 'create', 'plain', status=1)
        self.kvctl('keyspace', 'create', '.hidden', status=2)
        names = [each['name'] for each in self.kvctl_json('keyspace', 'list')]
        self.assertEqual(names, ['packed', 'plain'])
        self.assertEqual(self.kvctl_json('keyspace', 'show', 'packed')['compression'], 'zstd')
        self.kvctl('put', 'plain', 'k', 'old')
        self.kvctl('keyspace', 'drop', 'plain')
        self.kvctl('keyspace', 'drop', 'plain', status=1)
        self.kvctl('keyspace', 'create', 'plain')
        self.kvctl('get', 'plain', 'k', status=1)

    def test_a_mounted_store_is_in_use(self):
        mount = self.mount()
        self.kvctl('keyspace', 'list', '-e', mount.source, status=1)
        self.assertIn('in use', self.said)


class Volumes(KvctlTest):
    def test_create_mount_show_delete(self):
        self.kvctl('volume', 'create', 'vol', '--block-size', '16K', '--max-inodes', '100')
        mount = self.mount('volume=vol', data=self.directory / 'store')
        (mount.path / 'file').write_bytes(b'x' * 100_000)
        mount.end()
        shown = self.kvctl_json('volume', 'show', 'vol')
        self.assertEqual((shown['block_size'], shown['max_inodes']), (16384, 100))
        self.assertEqual((shown['bytes_used'], shown['inodes_used']), (100_000, 2))
        self.kvctl('volume', 'create', 'vol', status=1)
        self.kvctl('keyspace', 'create', 'other')
        self.kvctl('volume', 'delete', 'other', status=1)
        self.assertIn('not formatted as a volume', self.said)
        self.assertEqual([v['name'] for v in self.kvctl_json('volume', 'list')], ['vol'])
        self.kvctl('volume', 'delete', 'vol')
        self.assertEqual(self.kvctl_json('volume', 'list'), [])
        self.kvctl('volume', 'create', 'vol', '--block-size', '5000', status=2)
        self.assertEqual(self.kvctl_json('keyspace', 'list')[0]['name'], 'other')

    def test_copy_to_another_store(self):
        mount = self.mount(data=self.directory / 'store')
        (mount.path / 'directory').mkdir()
        (mount.path / 'directory' / 'file').write_bytes(os.urandom(3 << 20))
        os.link(mount.path / 'directory' / 'file', mount.path / 'second name')
        os.setxattr(mount.path / 'directory', 'user.colour', b'blue' * 1000)
        content = (mount.path / 'second name').read_bytes()
        mount.end()
        target = f'embedded:{self.directory / "copy.data"}'
        self.kvctl('volume', 'copy', 'default', 'copied', '--to', target)
        self.kvctl('volume', 'copy', 'default', 'copied', '--to', target, status=1)
        self.kvctl('volume', 'copy', 'default', 'second')
        copy = self.mount('volume=copied', name='copy')
        self.assertEqual((copy.path / 'second name').read_bytes(), content)
        self.assertEqual((copy.path / 'directory' / 'file').stat().st_nlink, 2)
        self.assertEqual(os.getxattr(copy.path / 'directory', 'user.colour'), b'blue' * 1000)
        copy.end()
        self.assertIn('copied is clean', run(FUSEFS, 'check', '-o', 'volume=copied', target))

    def test_foreign_keys_are_not_formatted_over(self):
        self.kvctl('keyspace', 'create', 'default')
        self.kvctl('put', 'default', 'key', 'value')
        mount = self.unmounted(data=self.directory / 'store')
        with self.assertRaisesRegex(AssertionError, 'holds keys that are no volume'):
            mount.start()
        mount.destroy()
        self.assertEqual(self.kvctl('get', 'default', 'key'), b'value')


class Files(KvctlTest):
    def setUp(self):
        super().setUp()
        mount = self.mount(data=self.directory / 'store')
        (mount.path / 'a' / 'b').mkdir(parents=True)
        (mount.path / 'a' / 'file').write_bytes(b'content')
        with open(mount.path / 'a' / 'sparse', 'wb') as sparse:
            sparse.truncate(200_000)
            sparse.seek(100_000)
            sparse.write(b'in the middle')
        (mount.path / 'link').symlink_to('a/b/../file')
        (mount.path / 'absolute').symlink_to('/a')
        (mount.path / 'loop').symlink_to('loop')
        mount.end()

    def fs(self, command, *arguments, **options):
        return self.kvctl('fs', *command.split(), 'default', *arguments, **options)

    def stat(self, *arguments):
        return json.loads(self.fs('stat', *arguments, '-o', 'json'))

    def test_stat_and_links(self):
        self.assertEqual(self.stat('/a/file')['size'], 7)
        self.assertEqual(self.stat('link')['type'], 'symbolic link')
        self.assertEqual(self.stat('-L', 'link')['ino'], self.stat('a/file')['ino'])
        self.assertEqual(self.stat('absolute/file')['size'], 7)
        self.assertEqual(self.stat('/')['type'], 'directory')
        self.assertEqual(self.stat('a/b/../../..')['ino'], 1)
        self.fs('stat', '-L', 'loop', status=1)
        self.assertIn('40 symbolic links', self.said)
        self.fs('stat', 'a/file/x', status=1)
        self.assertIn('not a directory', self.said)
        self.fs('stat', 'missing', status=1)

    def test_ls(self):
        lines = self.fs('ls', '-o', 'json').splitlines()
        self.assertEqual(sorted(json.loads(line)['name'] for line in lines),
                         ['a', 'absolute', 'link', 'loop'])
        self.assertIn(b'absolute -> /a', self.fs('ls'))
        self.assertTrue(self.fs('ls', 'a/file').startswith(b'-rw-r--r--'))

    def test_cat(self):
        self.assertEqual(self.fs('cat', 'link'), b'content')
        sparse = self.fs('cat', 'a/sparse')
        self.assertEqual((len(sparse), sparse[100_000:100_013]), (200_000, b'in the middle'))
        self.assertEqual(sparse[:100_000], bytes(100_000))
        self.fs('cat', 'a', status=2)

    def test_make_move_remove(self):
        self.fs('mkdir', 'new')
        self.fs('create', 'new/file', '--mode', '600')
        self.assertEqual(self.stat('new/file')['mode'], '0600')
        self.fs('create', 'new/file', status=1)
        self.fs('create', 'new/other', '--mode', '9', status=2)
        self.fs('mv', 'new/file', 'moved')
        self.fs('mv', 'moved', 'a/file', '--no-replace', status=1)
        self.fs('mv', 'moved', 'a/file')
        self.assertEqual(self.stat('a/file')['size'], 0)
        self.fs('rm', 'a', status=1)
        self.assertIn('not_empty', self.said)
        self.fs('rm', 'new')
        self.fs('rm', 'a/sparse')
        self.assertEqual(self.kvctl_json('volume', 'show', 'default')['bytes_used'], 0)
        mount = self.mounts[0].start()
        self.assertEqual(sorted(os.listdir(mount.path / 'a')), ['b', 'file'])

    def test_xattrs(self):
        self.fs('xattr set', 'a/file', 'user.colour', 'blue')
        self.fs('xattr set', 'a/file', 'user.bytes', '--hex', '00ff')
        self.assertEqual(self.fs('xattr get', 'a/file', 'user.colour'), b'blue')
        self.assertEqual(self.fs('xattr get', 'a/file', 'user.bytes', '--hex'), b'00ff\n')
        names = self.fs('xattr list', '-L', 'link').split()
        self.assertEqual(sorted(names), [b'user.bytes', b'user.colour'])
        self.fs('xattr remove', 'a/file', 'user.bytes')
        self.fs('xattr get', 'a/file', 'user.bytes', status=1)
        self.fs('xattr set', 'a/file', 'odd.name', 'x', status=1)


class Certificates(KvctlTest):
    def cert(self, command, *arguments, **options):
        return self.kvctl('cert', command, '--dir', self.directory / 'pki', *arguments, **options)

    def openssl(self, *arguments, status=0):
        return run('openssl', *arguments, status=status)

    @needs('openssl')
    def test_what_openssl_makes_of_them(self):
        pki = self.directory / 'pki'
        self.cert('create-ca')
        made = self.cert('create-node', 'node-1', '--host', 'localhost', '--host', '127.0.0.1')
        self.assertEqual(made.decode().split(), [f'{pki}/node-1.crt', f'{pki}/node-1.key'])
        self.cert('create-client', 'alice', '--days', '7')
        self.cert('create-admin', 'root.admin')
        for name in ('node-1', 'alice', 'root.admin'):
            self.openssl('verify', '-x509_strict', '-CAfile', pki / 'ca.crt', pki / f'{name}.crt')
            self.assertEqual((pki / f'{name}.key').stat().st_mode & 0o777, 0o400)
        text = self.openssl('x509', '-noout', '-text', '-in', pki / 'node-1.crt')
        self.assertIn('OU = node, CN = node-1', text)
        self.assertIn('DNS:localhost, IP Address:127.0.0.1', text)
        self.assertIn('prime256v1', text)
        self.assertNotIn('Public Key Algorithm: rsa', text)

    def test_nothing_is_overwritten(self):
        self.cert('create-ca')
        self.cert('create-client', 'alice')
        before = (self.directory / 'pki' / 'alice.key').read_bytes()
        self.cert('create-ca', status=1)
        self.cert('create-client', 'alice', status=1)
        self.assertIn('exists', self.said)
        self.assertEqual((self.directory / 'pki' / 'alice.key').read_bytes(), before)
        self.cert('create-client', 'alice', '--force')
        self.assertNotEqual((self.directory / 'pki' / 'alice.key').read_bytes(), before)

    @needs('openssl')
    def test_revocation(self):
        pki = self.directory / 'pki'
        self.cert('create-ca')
        self.cert('create-client', 'alice')
        self.cert('create-client', 'bob')
        self.cert('revoke', pki / 'alice.crt')
        check = ('verify', '-crl_check', '-CAfile', pki / 'ca.crt', '-CRLfile', pki / 'ca.crl')
        self.openssl(*check, pki / 'bob.crt')
        self.assertIn('revoked', self.openssl(*check, pki / 'alice.crt', status=2))

    def test_wrong_requests(self):
        self.cert('create-client', 'alice', status=1)  # no CA yet
        self.cert('create-ca')
        self.cert('create-node', 'node-1', status=2)
        self.assertIn('--host', self.said)
        self.cert('create-client', 'a b', status=2)
        self.cert('create-client', 'ca', status=2)
        self.cert('create-client', 'alice', '--days', '0', status=2)


if __name__ == '__main__':
    main()
