# SPDX-License-Identifier: Apache-2.0
#
# Mounts over TLS: fusefs on a real kvnode, alone and two on one volume, with the node killed and
# started again below them.
"""A volume of a cluster, mounted."""

import errno
import fcntl
import os
import signal
import subprocess
import threading

from harness import FUSEFS, main, needs, run, wait_until
from mount_harness import MountTest
from node_harness import KVCTL


class OneMount(MountTest):
    def test_what_is_written_is_there_after_a_remount_and_a_restart_of_the_node(self):
        mount = self.mounted()
        tree = mount.path / 'a' / 'b'
        tree.mkdir(parents=True)
        (tree / 'small').write_text('small')
        (tree / 'large').write_bytes(os.urandom(3 << 20))
        large = (tree / 'large').read_bytes()
        os.link(tree / 'small', mount.path / 'hard')
        os.symlink('a/b', mount.path / 'soft')
        os.setxattr(tree, 'user.colour', b'blue')
        os.rename(tree / 'small', mount.path / 'a' / 'moved')
        mount.end()
        self.kvnode.stop()
        self.kvnode.start()
        mount.start()
        self.assertEqual((mount.path / 'hard').read_text(), 'small')
        self.assertEqual((mount.path / 'a' / 'moved').stat().st_nlink, 2)
        self.assertEqual((mount.path / 'soft' / 'large').read_bytes(), large)
        self.assertEqual(os.getxattr(tree, 'user.colour'), b'blue')
        self.assertEqual(sorted(os.listdir(mount.path)), ['a', 'hard', 'soft'])
        os.statvfs(mount.path)
        mount.end()

    @needs('git')
    @needs('rsync')
    def test_programs_work(self):
        mount = self.mounted(options='locks=local')
        repository = mount.path / 'repository'
        run('git', 'init', '-q', repository)
        (repository / 'file').write_text('content\n')
        git = ['git', '-C', repository, '-c', 'user.name=n', '-c', 'user.email=e@x']
        run(*git, 'add', '.')
        run(*git, 'commit', '-q', '-m', 'first')
        self.assertEqual(run(*git, 'status', '--porcelain'), '')
        run('git', 'clone', '-q', repository, mount.path / 'clone')
        run(*git, 'fsck', '--strict')
        source = self.directory / 'source'
        for number in range(120):
            directory = source / str(number % 7)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f'f{number}').write_bytes(os.urandom(number * 97))
        run('rsync', '-aHAX', f'{source}/', mount.path / 'copy')
        again = run('rsync', '-aHAXi', f'{source}/', mount.path / 'copy')
        self.assertEqual(again, '')
        run('tar', '-C', source, '-cf', mount.path / 'all.tar', '.')
        (mount.path / 'untarred').mkdir()
        run('tar', '-C', mount.path / 'untarred', '-xf', mount.path / 'all.tar')
        run('diff', '-r', source, mount.path / 'untarred')
        mount.end()

    def test_unlinked_files_live_while_they_are_open(self):
        mount = self.mounted()
        with open(mount.path / 'f', 'w+b') as file:
            file.write(b'kept')
            file.flush()
            os.fsync(file.fileno())
            os.unlink(mount.path / 'f')
            file.seek(0)
            self.assertEqual(file.read(), b'kept')
        self.assertEqual(os.listdir(mount.path), [])
        mount.end()


class Locks(MountTest):
    def test_locks_are_refused_unless_they_are_local(self):
        mount = self.mounted()
        self.assertIn('locks', mount.said())
        with open(mount.path / 'f', 'w', encoding='utf-8') as file:
            for lock in (lambda: fcntl.flock(file, fcntl.LOCK_EX),
                         lambda: fcntl.lockf(file, fcntl.LOCK_EX)):
                with self.assertRaises(OSError) as caught:
                    lock()
                self.assertEqual(caught.exception.errno, errno.ENOLCK)
        mount.remount(mount.options + ',locks=local')
        with open(mount.path / 'f', 'w', encoding='utf-8') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.lockf(file, fcntl.LOCK_EX)
        mount.end()


class TwoMounts(MountTest):
    def test_a_close_is_seen_by_the_next_open_elsewhere(self):
        one, two = self.mounted('one'), self.mounted('two')
        (one.path / 'f').write_text('first')
        self.assertEqual((two.path / 'f').read_text(), 'first')
        for text in ('second, longer', 'third', ''):
            (one.path / 'f').write_text(text)
            with open(two.path / 'f', encoding='utf-8') as file:
                self.assertEqual(file.read(), text)
                self.assertEqual(os.fstat(file.fileno()).st_size, len(text))
        one.end()
        two.end()

    def test_a_file_that_is_replaced_elsewhere_can_always_be_opened(self):
        one, two = self.mounted('one'), self.mounted('two')
        for number in range(5):
            (one.path / 'new').write_text(str(number))
            os.rename(one.path / 'new', one.path / 'f')
            # Its name still means the former file here, as it may for a second.
            for flags in (os.O_RDONLY, os.O_RDWR):
                os.close(os.open(two.path / 'f', flags))
            self.assertEqual((two.path / 'f').read_text(), str(number))
            os.stat(two.path / 'f')
        one.end()
        two.end()

    def test_names_are_seen_elsewhere_at_once_or_soon(self):
        one, two = self.mounted('one'), self.mounted('two')
        (one.path / 'd').mkdir()
        (one.path / 'd' / 'new').touch()
        # A missing name is not kept, nor is a listing.
        self.assertTrue((two.path / 'd' / 'new').exists())
        self.assertEqual(os.listdir(two.path / 'd'), ['new'])
        os.rename(one.path / 'd' / 'new', one.path / 'd' / 'newer')
        self.assertEqual(os.listdir(two.path / 'd'), ['newer'])
        wait_until(lambda: not (two.path / 'd' / 'new').exists(), 'the old name is gone elsewhere')
        one.end()
        two.end()

    def test_only_one_creates_exclusively(self):
        mounts = [self.mounted('one'), self.mounted('two')]
        made = []

        def create(mount):
            for number in range(100):
                try:
                    os.close(os.open(mount.path / str(number),
                                     os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                    made.append(number)
                except FileExistsError:
                    pass
        threads = [threading.Thread(target=create, args=(mount,)) for mount in mounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(made), list(range(100)))
        for mount in mounts:
            mount.end()


class Faults(MountTest):
    def test_kill_9_of_the_node_loses_nothing_and_the_mount_heals(self):
        mount = self.mounted()
        made = []
        stop = threading.Event()

        def work():
            number = 0
            while not stop.is_set():
                name = f'd{number}'
                try:
                    os.mkdir(mount.path / name)
                    made.append(name)
                except FileExistsError:
                    # Only a retry that was applied twice would find its own directory.
                    made.append(f'{name} twice')
                number += 1
        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(4):
                before = len(made)
                wait_until(lambda enough=before + 50: len(made) >= enough, 'work goes on')
                self.kvnode.kill()
                self.kvnode.start()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(sorted(os.listdir(mount.path)), sorted(made))
        mount.end()

    def test_without_its_node_an_operation_ends_and_the_mount_heals(self):
        mount = self.mounted(options='op_timeout=1,attr_timeout=0,entry_timeout=0')
        (mount.path / 'f').write_text('content')
        self.kvnode.kill()
        with self.assertRaises(OSError) as caught:
            os.stat(mount.path / 'f')
        self.assertIn(caught.exception.errno, (errno.ETIMEDOUT, errno.EIO))
        self.kvnode.start()
        self.assertEqual((mount.path / 'f').read_text(), 'content')
        mount.end()

    def test_a_mount_without_its_node_can_be_ended(self):
        mount = self.mounted(options='op_timeout=1')
        self.kvnode.kill()
        mount.process.send_signal(signal.SIGTERM)
        mount.process.wait(timeout=60)
        mount.process = None


class Check(MountTest):
    def test_a_volume_is_checked_while_it_is_mounted_and_afterwards(self):
        mount = self.mounted()
        (mount.path / 'd').mkdir()
        (mount.path / 'd' / 'f').write_bytes(b'x' * 100_000)
        said = mount.check()
        self.assertIn('vol is clean', said)
        self.assertIn('2 directories, 1 files, 100000 bytes', said)
        stop = threading.Event()

        def work():
            number = 0
            while not stop.is_set():
                path = mount.path / f'w{number % 7}'
                path.write_text('x')
                path.rename(mount.path / 'd' / path.name)
                (mount.path / 'd' / path.name).unlink()
                number += 1
        thread = threading.Thread(target=work)
        thread.start()
        try:
            # What it finds then may be under way; it says so, and is neither stuck nor confused.
            said = mount.check(status=None)
        finally:
            stop.set()
            thread.join()
        self.assertRegex(said, r'vol is clean|be sure without mounts')
        mount.end()
        self.assertIn('vol is clean', mount.check())

    def test_damage_is_found_and_a_repair_in_place_is_refused(self):
        mount = self.mounted()
        (mount.path / 'f').touch()
        mount.end()
        with self.kvnode.connect() as connection:
            connection.put('vol', b'/1/0/q', b'?')
        said = mount.check(status=4)
        self.assertIn('of no known kind', said)
        self.assertIn('be sure without mounts', said)
        self.assertIn('kvctl volume copy', mount.check('--repair', status=8))
        with self.kvnode.connect() as connection:
            connection.delete('vol', b'/1/0/q')

    def test_what_cannot_be_checked_is_said(self):
        mount = self.unmounted_cluster()
        missing = run(FUSEFS, 'check', '-o', mount.identity, mount.source, status=8)
        self.assertIn('vol', missing)
        for option in ('attr_timeout=1', 'hard', 'volume=x'):
            said = run(FUSEFS, 'check', '-o', f'{mount.identity},{option}', mount.source, status=16)
            self.assertIn(option.split('=', maxsplit=1)[0], said)
        self.kvnode.kill()
        run(FUSEFS, 'check', '-o', f'{mount.identity},op_timeout=1', mount.source, status=8)


class Refusals(MountTest):
    def refusal(self, source, options):
        mountpoint = self.directory / 'refused'
        mountpoint.mkdir(exist_ok=True)
        words = [FUSEFS, '-o', options] if options else [FUSEFS]
        done = subprocess.run([*words, source, mountpoint], text=True, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def identity(self, client):
        self.kvnode.context(client)
        pki = self.kvnode.pki
        return f'ca={pki}/ca.crt,cert={pki}/{client}.crt,key={pki}/{client}.key,op_timeout=3'

    def test_who_has_no_grant_gets_no_volume(self):
        said = self.refusal(f'{self.kvnode.address}/vol', self.identity('alice'))
        self.assertIn('alice' if 'alice' in said else 'volume', said)
        self.assertIn('kvctl', said)

    def test_wrong_options_are_named(self):
        address = self.kvnode.address
        self.assertIn('volume', self.refusal(f'{address}/vol', self.identity('root') + ',volume=x'))
        self.assertIn('locks', self.refusal(f'{address}/vol', self.identity('root') + ',locks=all'))
        self.assertIn('HOST:PORT', self.refusal(address, self.identity('root')))
        self.assertIn('nowhere', self.refusal(f'{address}/vol', 'config=/nowhere/kvctl.toml'))
        self.assertIn('ca', self.refusal(f'embedded:{self.directory}/e', 'ca=x'))
        self.assertIn('hard', self.refusal(f'embedded:{self.directory}/e', 'hard'))
        self.assertIn('soft', self.refusal(f'embedded:{self.directory}/e', 'soft'))
        self.refusal(f'{address}/vol', '')

    def test_a_foreign_ca_is_refused(self):
        other = self.directory / 'other'
        run(KVCTL, 'cert', 'create-ca', '--dir', other)
        run(KVCTL, 'cert', 'create-admin', 'root', '--dir', other)
        said = self.refusal(f'{self.kvnode.address}/vol',
                            f'ca={other}/ca.crt,cert={other}/root.crt,key={other}/root.key,'
                            'op_timeout=2')
        self.assertIn('certificate', said)


if __name__ == '__main__':
    main()
