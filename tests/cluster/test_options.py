# SPDX-License-Identifier: Apache-2.0
"""What the mount options do: ro, noatime and relatime, caches, limits of a volume, statfs."""

import errno
import os
import time

from harness import ClusterTest, main, run, wait_until

DAY = 86_400


class ReadOnly(ClusterTest):
    def test_everything_can_be_read_and_nothing_changed(self):
        mount = self.mount()
        (mount.path / 'd').mkdir()
        path = mount.path / 'd/f'
        path.write_text('content')
        os.setxattr(path, 'user.a', b'1')
        mount.remount('ro')
        self.assertEqual(path.read_text(), 'content')
        self.assertEqual(os.getxattr(path, 'user.a'), b'1')
        self.assertEqual(os.listdir(mount.path / 'd'), ['f'])
        for function, arguments in (
                (os.mkdir, ('x',)), (os.unlink, ('f',)), (os.rename, ('f', 'g')),
                (os.link, ('f', 'g')), (os.symlink, ('f', 'g')), (os.mkfifo, ('g',)),
                (os.chmod, ('f', 0o600)),
                (os.chown, ('f', 0, 0)), (os.truncate, ('f', 0)), (os.utime, ('f',)),
                (os.setxattr, ('f', 'user.b', b'')), (os.removexattr, ('f', 'user.a')),
                (os.open, ('f', os.O_WRONLY)), (os.open, ('g', os.O_CREAT | os.O_WRONLY))):
            paths = [os.path.join(path.parent, word) if word in ('x', 'f', 'g') else word
                     for word in arguments]
            with self.subTest(function=function.__name__):
                self.assert_errno(errno.EROFS, function, *paths)
        mount.remount('rw')
        path.write_text('again')

    def test_after_a_kill(self):
        mount = self.mount()
        (mount.path / 'f').write_text('content')
        orphan = os.open(mount.path / 'orphan', os.O_CREAT | os.O_WRONLY)
        os.unlink(mount.path / 'orphan')
        mount.kill()
        self.assert_errno(errno.ENOTCONN, os.close, orphan)
        mount.start('ro')
        self.assertEqual(os.listdir(mount.path), ['f'])


class AccessTimes(ClusterTest):
    def age(self, path, atime, mtime):
        now = time.time()
        os.utime(path, (now + atime, now + mtime))
        return path.stat().st_atime_ns

    def read(self, mount, path):
        """Reads without the kernel's cache and returns the atime that is stored."""
        path.read_bytes()
        mount.remount()
        return path.stat().st_atime_ns

    def test_relatime(self):
        mount = self.mount()
        path = mount.path / 'f'
        path.write_text('x')
        unread = self.age(path, atime=-20, mtime=-10)
        first = self.read(mount, path)
        self.assertGreater(first, unread)
        self.assertEqual(self.read(mount, path), first)
        path.chmod(0o600)
        self.assertGreater(self.read(mount, path), first)
        old = self.age(path, atime=-2 * DAY, mtime=-3 * DAY)
        self.assertGreater(self.read(mount, path), old)

    def test_noatime(self):
        mount = self.mount('noatime')
        path = mount.path / 'f'
        path.write_text('x')
        old = self.age(path, atime=-2 * DAY, mtime=-DAY)
        self.assertEqual(self.read(mount, path), old)
        os.listdir(mount.path)

    def test_directories_and_symlinks(self):
        mount = self.mount()
        directory = mount.path / 'd'
        directory.mkdir()
        (directory / 'f').touch()
        old = self.age(directory, atime=-2 * DAY, mtime=-DAY)
        os.listdir(directory)
        mount.remount()
        self.assertGreater(directory.stat().st_atime_ns, old)


class Caches(ClusterTest):
    def test_all_works_without_any_cache(self):
        mount = self.mount('attr_timeout=0,entry_timeout=0,negative_timeout=0')
        for number in range(50):
            path = mount.path / str(number)
            self.assertFalse(path.exists())
            path.write_text('x' * number)
            self.assertEqual(path.stat().st_size, number)
            os.rename(path, mount.path / 'other')
            self.assertFalse(path.exists())
        self.assertEqual(os.listdir(mount.path), ['other'])

    def test_fractions_of_seconds_are_taken(self):
        self.mount('attr_timeout=0.5,entry_timeout=1.25,negative_timeout=0')

    def test_missing_names_are_remembered_until_they_are_made(self):
        mount = self.mount()
        path = mount.path / 'f'
        for make in (lambda: path.touch(), lambda: path.mkdir(), lambda: os.symlink('x', path),
                     lambda: os.rename(mount.path / 'source', path)):
            (mount.path / 'source').touch()
            self.assertFalse(os.path.lexists(path))
            make()
            self.assertTrue(os.path.lexists(path))
            os.rmdir(path) if path.is_dir() else os.unlink(path)
            self.assertFalse(os.path.lexists(path))


class Limits(ClusterTest):
    def test_statfs_counts_what_is_there(self):
        mount = self.mount()
        before = os.statvfs(mount.path)
        self.assertEqual(before.f_namemax, 255)
        (mount.path / 'f').write_bytes(b'x' * 5_000_000)
        for number in range(10):
            (mount.path / f'e{number}').touch()
        os.sync()
        after = os.statvfs(mount.path)
        used = [(info.f_blocks - info.f_bfree) * info.f_frsize for info in (before, after)]
        self.assertGreaterEqual(used[1] - used[0], 5_000_000)
        inodes = [info.f_files - info.f_ffree for info in (before, after)]
        self.assertEqual(inodes[1] - inodes[0], 11)
        self.assertGreaterEqual(after.f_bavail, 0)
        self.assertIn(str(mount.path), run('df', mount.path))

    def test_max_inodes(self):
        mount = self.mount('max_inodes=20')
        info = os.statvfs(mount.path)
        self.assertEqual(info.f_files, 20)
        made = 0
        with self.assertRaises(OSError) as caught:
            for number in range(30):
                (mount.path / str(number)).touch()
                made += 1
        self.assertEqual(caught.exception.errno, errno.ENOSPC)
        self.assertGreaterEqual(made, 18)
        self.assertEqual(os.statvfs(mount.path).f_ffree, 0)
        self.assert_errno(errno.ENOSPC, os.mkdir, mount.path / 'd')
        os.link(mount.path / '0', mount.path / 'link')
        os.rename(mount.path / '1', mount.path / 'renamed')
        os.unlink(mount.path / '2')
        (mount.path / 'again').touch()
        mount.remount('max_inodes=0')
        (mount.path / 'more').touch()

    def test_max_bytes(self):
        mount = self.mount('max_bytes=4M')
        info = os.statvfs(mount.path)
        self.assertEqual(info.f_blocks * info.f_frsize, 4 << 20)
        self.assert_errno(errno.ENOSPC, self.write_synced, mount.path / 'large', 6 << 20)
        os.unlink(mount.path / 'large')
        # Its last close may still be on its way; what statfs calls free must be free.
        wait_until(lambda: os.statvfs(mount.path).f_bfree == info.f_blocks, 'the space is free')
        self.write_synced(mount.path / 'fits', 3 << 20)
        self.assert_errno(errno.ENOSPC, self.write_synced, mount.path / 'second', 2 << 20)
        self.assertEqual((mount.path / 'fits').read_bytes(), b'x' * (3 << 20))
        mount.remount('max_bytes=16M')
        self.write_synced(mount.path / 'third', 6 << 20)

    def test_files_of_a_full_volume_can_be_cut(self):
        mount = self.mount('max_bytes=1M')
        path = mount.path / 'large'
        self.assert_errno(errno.ENOSPC, self.write_synced, path, 2 << 20)
        os.truncate(path, 100)
        self.assertEqual(path.read_bytes(), b'x' * 100)
        for cut in (lambda: os.truncate(path, 0), lambda: open(path, 'wb').close()):
            self.assert_errno(errno.ENOSPC, self.write_synced, path, 2 << 20)
            cut()
            self.assertEqual(path.stat().st_size, 0)
        self.write_synced(path, 512 << 10)

    def write_synced(self, path, size):
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
        try:
            for _ in range(size >> 16):
                os.write(descriptor, b'x' * 65_536)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def test_fixed_options_cannot_change(self):
        mount = self.mount('block_size=16K,small_limit=1K')
        (mount.path / 'f').write_bytes(b'x' * 100_000)
        mount.end()
        with self.assertRaisesRegex(AssertionError, 'block_size'):
            mount.start('block_size=64K')
        mount.process = None
        mount.start('block_size=16K')
        self.assertEqual((mount.path / 'f').read_bytes(), b'x' * 100_000)

    def test_names_in_mountinfo(self):
        mount = self.mount('fsname=my\\,store,subtype=meta')
        with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
            line = next(line for line in mounts if str(mount.path) in line)
        self.assertIn('fuse.meta my,store', line)
        self.assertIn('nosuid,nodev', line)


if __name__ == '__main__':
    main()
