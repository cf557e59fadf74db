# SPDX-License-Identifier: Apache-2.0
"""tar, rsync, cp -a and mv carry whole trees there and back, with all that belongs to them."""

import os
import pathlib
import shutil

from harness import ClusterTest, main, needs, run
from tree import differences, make_rich_tree, picture

TAR = ('tar', '--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '--sparse')


class Copies(ClusterTest):
    def setUp(self):
        super().setUp()
        self.volume = self.mount('dev,suid')
        self.source = self.volume.path / 'source'
        self.source.mkdir()
        make_rich_tree(self.source)

    def assert_same(self, left, right):
        self.assertEqual(differences(picture(left), picture(right)), [])

    def test_a_tree_is_the_same_after_a_remount(self):
        before = picture(self.source)
        self.volume.remount()
        self.assertEqual(differences(before, picture(self.source)), [])

    def test_tar_there_and_back(self):
        other = self.mount('dev,suid', 'other')
        archive = self.directory / 'archive.tar'
        copy = other.path / 'copy'
        copy.mkdir()
        run(*TAR, '-C', self.source, '-cf', archive, '.')
        run(*TAR, '-C', copy, '-xpf', archive)
        # tar does not archive sockets.
        os.unlink(self.source / 'socket')
        self.match_root_times(copy)
        self.assert_same(self.source, copy)
        back = self.volume.path / 'back'
        back.mkdir()
        run(*TAR, '-C', copy, '-cf', archive, '.')
        run(*TAR, '-C', back, '-xpf', archive)
        self.assert_same(copy, back)
        self.assertEqual(run(*TAR, '-C', back, '--compare', '-f', archive), '')

    def match_root_times(self, copy):
        """Removing the socket has changed the directory that held it, which is the root alone."""
        self.assertEqual(pathlib.Path(copy).lstat().st_mode, self.source.lstat().st_mode)

    def test_cp_archive(self):
        copy = self.volume.path / 'copy'
        run('cp', '-a', self.source, copy)
        self.assert_same(self.source, copy)
        self.assertEqual(copy.stat().st_mtime_ns, self.source.stat().st_mtime_ns)

    @needs('rsync')
    def test_rsync_twice_has_no_difference(self):
        other = self.mount('dev,suid', 'other')
        # rsync compares whole seconds unless told otherwise.
        words = ('rsync', '-aHAX', '--numeric-ids', '--modify-window=-1',
                 f'{self.source}/', f'{other.path}/copy/')
        run(*words)
        self.assertEqual(run(*words, '-n', '-i'), '')
        run(*words)
        self.assert_same(self.source, other.path / 'copy')
        other.remount()
        self.assertEqual(run(*words, '-n', '-i', '--checksum'), '')
        (self.source / 'deep/size-1').write_bytes(b'2')
        os.unlink(self.source / 'deep/size-0')
        run(*words, '--delete')
        self.assertEqual(run(*words, '--delete', '-n', '-i'), '')
        self.assert_same(self.source, other.path / 'copy')

    def test_mv_within_the_volume(self):
        before = picture(self.source)
        info = self.source.lstat()
        (self.volume.path / 'a/b').mkdir(parents=True)
        run('mv', self.source, self.volume.path / 'a/b/moved')
        moved = self.volume.path / 'a/b/moved'
        self.assertEqual(differences(before, picture(moved)), [])
        self.assertEqual(moved.lstat().st_ino, info.st_ino)
        self.assertFalse(self.source.exists())

    def test_mv_between_volumes(self):
        before = picture(self.source)
        other = self.mount('dev,suid', 'other')
        run('mv', self.source, other.path / 'moved')
        self.assertEqual(differences(before, picture(other.path / 'moved')), [])
        self.assertFalse(self.source.exists())

    def test_rm_of_a_tree_leaves_nothing(self):
        used = self.used_inodes()
        run('cp', '-a', self.source, self.volume.path / 'copy')
        self.assertGreater(self.used_inodes(), used)
        shutil.rmtree(self.volume.path / 'copy')
        self.assertEqual(self.used_inodes(), used)

    def used_inodes(self):
        info = os.statvfs(self.volume.path)
        return info.f_files - info.f_ffree


if __name__ == '__main__':
    main()
