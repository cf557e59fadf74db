# SPDX-License-Identifier: Apache-2.0
"""mmap, locks between processes, and I/O of many writers, as kernel and mount share them."""

import errno
import fcntl
import mmap
import multiprocessing
import os
import random
import struct
import subprocess
import sys

from harness import ClusterTest, main, run

SIZE = 3_000_000


class Mmap(ClusterTest):
    def test_shared_mapping_is_the_file(self):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_bytes(bytes(SIZE))
        with open(path, 'r+b') as file, mmap.mmap(file.fileno(), SIZE) as mapped:
            mapped[1_000_000:1_000_005] = b'hello'
            self.assertEqual(os.pread(file.fileno(), 5, 1_000_000), b'hello')
            os.pwrite(file.fileno(), b'back', 2_000_000)
            self.assertEqual(mapped[2_000_000:2_000_004], b'back')
            mapped.flush()
        mount.kill()
        mount.start()
        content = path.read_bytes()
        self.assertEqual((len(content), content[1_000_000:1_000_005]), (SIZE, b'hello'))

    def test_private_mapping_and_programs(self):
        mount = self.mount()
        run('cp', '/bin/true', mount.path / 'true')
        run(mount.path / 'true')
        mount.remount()
        run(mount.path / 'true')
        mount.remount('noexec')
        with self.assertRaises(PermissionError):
            subprocess.run([mount.path / 'true'], check=False)


def try_lock(path, how, kind):
    """In another process: whether the lock can be had now."""
    program = ('import fcntl, sys\nf = open(sys.argv[1], "r+")\n'
               'try:\n fcntl.%s(f, %d | fcntl.LOCK_NB)\n'
               'except BlockingIOError: sys.exit(3)' % (how, kind))
    return subprocess.run([sys.executable, '-c', program, path], check=False).returncode == 0


class Locks(ClusterTest):
    def excludes(self, how):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_text('x')
        lock = getattr(fcntl, how)
        with open(path, 'r+', encoding='utf-8') as file:
            lock(file, fcntl.LOCK_EX)
            self.assertFalse(try_lock(path, how, fcntl.LOCK_EX))
            self.assertFalse(try_lock(path, how, fcntl.LOCK_SH))
            lock(file, fcntl.LOCK_SH)
            self.assertFalse(try_lock(path, how, fcntl.LOCK_EX))
            self.assertTrue(try_lock(path, how, fcntl.LOCK_SH))
            lock(file, fcntl.LOCK_UN)
            self.assertTrue(try_lock(path, how, fcntl.LOCK_EX))

    def test_flock(self):
        self.excludes('flock')

    def test_fcntl(self):
        self.excludes('lockf')

    def test_fcntl_ranges(self):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_bytes(bytes(100))
        with open(path, 'r+b') as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 10, 20)
            child = os.fork()
            if child == 0:
                os._exit(self.child_sees_range(path))
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def child_sees_range(self, path):
        with open(path, 'r+b') as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 20, 0)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 25)
                return 1
            except BlockingIOError:
                pass
            asked = struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, start, length, _ = struct.unpack(
                'hhqqi', fcntl.fcntl(file, fcntl.F_GETLK, asked))
            return 0 if (kind, start, length) == (fcntl.F_WRLCK, 20, 10) else 2

    def test_locks_end_with_their_process(self):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_text('x')
        program = ('import fcntl, sys; f = open(sys.argv[1], "r+")\n'
                   'fcntl.flock(f, 2); fcntl.lockf(f, 2)')
        subprocess.run([sys.executable, '-c', program, path], check=True)
        self.assertTrue(try_lock(path, 'flock', fcntl.LOCK_EX))
        self.assertTrue(try_lock(path, 'lockf', fcntl.LOCK_EX))


def append_lines(path, who, count):
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    for number in range(count):
        os.write(descriptor, f'{who:03d} {number:06d}\n'.encode())
    os.close(descriptor)


class Writing(ClusterTest):
    def test_appends_of_many_processes_lose_nothing(self):
        mount = self.mount()
        path = mount.path / 'log'
        path.touch()
        writers = [multiprocessing.Process(target=append_lines, args=(path, who, 500))
                   for who in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        lines = path.read_text().splitlines()
        self.assertEqual(len(set(lines)), 4000)
        mount.remount()
        self.assertEqual(path.read_text().splitlines(), lines)

    def test_random_writes_and_truncations_against_a_file_of_the_host(self):
        mount = self.mount()
        chance = random.Random(7)
        ours = os.open(mount.path / 'f', os.O_RDWR | os.O_CREAT)
        hosts = os.open(self.directory / 'host', os.O_RDWR | os.O_CREAT)
        for step in range(600):
            offset = chance.randrange(400_000)
            if chance.random() < 0.15:
                for file in (ours, hosts):
                    os.ftruncate(file, offset)
            else:
                data = chance.randbytes(chance.choice((1, 100, 5000, 70_000)))
                for file in (ours, hosts):
                    os.pwrite(file, data, offset)
            if step % 100 == 50:
                os.fsync(ours)
            if step % 150 == 149:
                os.close(ours)
                mount.remount()
                ours = os.open(mount.path / 'f', os.O_RDWR)
        os.close(ours)
        os.close(hosts)
        self.assertEqual((mount.path / 'f').read_bytes(), (self.directory / 'host').read_bytes())

    def test_truncation_shows_no_old_bytes_after_a_kill(self):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_bytes(b'x' * 300_000)
        os.truncate(path, 100)
        os.truncate(path, 300_000)
        mount.kill()
        mount.start()
        self.assertEqual(path.read_bytes(), b'x' * 100 + bytes(299_900))

    def test_holes_take_no_space_and_are_found(self):
        mount = self.mount()
        with open(mount.path / 'f', 'w+b') as file:
            os.pwrite(file.fileno(), b'data', 10_000_000)
            os.ftruncate(file.fileno(), 50_000_000)
            os.fsync(file.fileno())
            self.assertLess(os.fstat(file.fileno()).st_blocks * 512, 1_000_000)
            start = os.lseek(file.fileno(), 0, os.SEEK_DATA)
            self.assertLessEqual(start, 10_000_000)
            self.assertGreater(start, 9_000_000)
            self.assertGreater(os.lseek(file.fileno(), 10_000_000, os.SEEK_HOLE), 10_000_000)
            self.assert_errno(errno.ENXIO, os.lseek, file.fileno(), 30_000_000, os.SEEK_DATA)

    def test_direct_io_is_accepted(self):
        mount = self.mount()
        run('dd', 'if=/dev/zero', f'of={mount.path}/f', 'bs=64k', 'count=8', 'oflag=direct')
        run('dd', f'if={mount.path}/f', 'of=/dev/null', 'bs=64k', 'iflag=direct')
        self.assertEqual((mount.path / 'f').stat().st_size, 8 * 65_536)


if __name__ == '__main__':
    main()
