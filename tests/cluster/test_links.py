# SPDX-License-Identifier: Apache-2.0
"""Hard links, and files that are unlinked while open, which live until closed and leave nothing."""

import ctypes
import errno
import os

from harness import ClusterTest, main

AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400


class Space(ClusterTest):
    def usage(self, mount):
        """Used blocks and inodes, as df has them, once removals in the background are done."""
        info = os.statvfs(mount.path)
        return (info.f_blocks - info.f_bfree) * info.f_frsize, info.f_files - info.f_ffree


class HardLinks(ClusterTest):
    def test_names_share_everything(self):
        mount = self.mount()
        first, second = mount.path / 'first', mount.path / 'd/second'
        (mount.path / 'd').mkdir()
        first.write_text('content')
        os.link(first, second)
        self.assertEqual(first.stat().st_ino, second.stat().st_ino)
        self.assertEqual(first.stat().st_nlink, 2)
        second.chmod(0o600)
        second.write_text('changed')
        os.setxattr(second, 'user.a', b'1')
        self.assertEqual(first.read_text(), 'changed')
        self.assertEqual(first.stat().st_mode & 0o777, 0o600)
        mount.remount()
        self.assertEqual(first.stat().st_ino, second.stat().st_ino)
        self.assertEqual(os.getxattr(first, 'user.a'), b'1')
        first.unlink()
        self.assertEqual(second.stat().st_nlink, 1)
        self.assertEqual(second.read_text(), 'changed')
        mount.remount()
        self.assertEqual(second.read_text(), 'changed')
        os.rename(second, first)
        self.assertEqual(first.read_text(), 'changed')

    def test_thousand_links(self):
        mount = self.mount()
        (mount.path / 'f').write_text('x')
        for number in range(1000):
            os.link(mount.path / 'f', mount.path / f'l{number}')
        self.assertEqual((mount.path / 'f').stat().st_nlink, 1001)
        mount.remount()
        for number in range(0, 1000, 2):
            os.unlink(mount.path / f'l{number}')
        self.assertEqual((mount.path / 'f').stat().st_nlink, 501)

    def test_directories_cannot_be_linked(self):
        mount = self.mount()
        (mount.path / 'd').mkdir()
        self.assert_errno(errno.EPERM, os.link, mount.path / 'd', mount.path / 'e')

    def test_rename_of_two_names_of_one_file_does_nothing(self):
        mount = self.mount()
        (mount.path / 'a').write_text('x')
        os.link(mount.path / 'a', mount.path / 'b')
        os.rename(mount.path / 'a', mount.path / 'b')
        self.assertEqual(sorted(os.listdir(mount.path)), ['a', 'b'])

    def test_symlinks_and_fifos_have_links_too(self):
        mount = self.mount()
        os.symlink('target', mount.path / 's')
        os.mkfifo(mount.path / 'p')
        for name in ('s', 'p'):
            os.link(mount.path / name, mount.path / (name + '2'), follow_symlinks=False)
        mount.remount()
        self.assertEqual(os.readlink(mount.path / 's2'), 'target')
        self.assertEqual(os.lstat(mount.path / 's').st_nlink, 2)
        self.assertEqual(os.lstat(mount.path / 'p2').st_nlink, 2)


class OpenUnlinked(Space):
    def test_lives_until_the_last_close(self):
        mount = self.mount()
        before = self.usage(mount)
        with open(mount.path / 'f', 'w+b') as file:
            file.write(b'a' * 1_000_000)
            file.flush()
            os.fsync(file.fileno())
            other = os.open(mount.path / 'f', os.O_RDONLY)
            os.unlink(mount.path / 'f')
            self.assertEqual(os.listdir(mount.path), [])
            self.assertEqual(os.fstat(other).st_nlink, 0)
            file.seek(0, os.SEEK_END)
            file.write(b'b' * 1_000_000)
            file.flush()
            os.fsync(file.fileno())
            self.assertEqual(os.fstat(other).st_size, 2_000_000)
            os.fchmod(file.fileno(), 0o600)
            self.assertEqual(os.pread(other, 4, 999_998), b'aabb')
            self.assertEqual(self.usage(mount)[1], before[1] + 1)
        self.assertEqual(os.pread(other, 4, 999_998), b'aabb')
        os.close(other)
        mount.remount()
        self.assertEqual(self.usage(mount), before)

    def test_replaced_by_rename_while_open(self):
        mount = self.mount()
        before = self.usage(mount)
        (mount.path / 'old').write_text('old')
        (mount.path / 'new').write_text('new')
        with open(mount.path / 'old', encoding='utf-8') as file:
            os.rename(mount.path / 'new', mount.path / 'old')
            self.assertEqual(file.read(), 'old')
            self.assertEqual((mount.path / 'old').read_text(), 'new')
        (mount.path / 'old').unlink()
        mount.remount()
        self.assertEqual(self.usage(mount), before)

    def test_removed_directory_while_open(self):
        mount = self.mount()
        before = self.usage(mount)
        (mount.path / 'd').mkdir()
        directory = os.open(mount.path / 'd', os.O_RDONLY)
        os.rmdir(mount.path / 'd')
        self.assertEqual(os.fstat(directory).st_nlink, 0)
        self.assertEqual(os.listdir(directory), [])
        self.assert_errno(errno.ENOENT, os.open, 'f', os.O_CREAT | os.O_WRONLY, dir_fd=directory)
        os.close(directory)
        mount.remount()
        self.assertEqual(self.usage(mount), before)

    def test_reclaimed_after_a_kill(self):
        mount = self.mount()
        (mount.path / 'kept').write_text('kept')
        mount.remount()
        before = self.usage(mount)
        files = []
        for number in range(50):
            path = mount.path / f'f{number}'
            files.append(os.open(path, os.O_CREAT | os.O_RDWR))
            os.write(files[-1], b'x' * 200_000)
            os.fsync(files[-1])
            if number % 2:
                os.link(path, mount.path / 'second name')
                os.unlink(mount.path / 'second name')
            os.unlink(path)
        self.assertGreater(self.usage(mount)[0], before[0] + 9_000_000)
        mount.kill()
        for file in files:
            self.assert_errno(errno.ENOTCONN, os.close, file)
        mount.start()
        self.assertEqual(self.usage(mount), before)
        self.assertEqual(os.listdir(mount.path), ['kept'])

    def test_linked_again_through_its_descriptor(self):
        mount = self.mount()
        with open(mount.path / 'f', 'w', encoding='utf-8') as file:
            file.write('x')
            file.flush()
            os.unlink(mount.path / 'f')
            # linkat(2): a file whose count has fallen to zero has no way back.
            self.assertEqual(self.link_descriptor(file.fileno(), mount.path / 'g'), errno.ENOENT)

    def link_descriptor(self, descriptor, path):
        """linkat(2) with AT_SYMLINK_FOLLOW, which os.link does not use; its errno."""
        libc = ctypes.CDLL(None, use_errno=True)
        status = libc.linkat(AT_FDCWD, b'/proc/self/fd/%d' % descriptor,
                             AT_FDCWD, os.fsencode(path), AT_SYMLINK_FOLLOW)
        return ctypes.get_errno() if status else 0


if __name__ == '__main__':
    main()
