# SPDX-License-Identifier: Apache-2.0
"""A full disk: writes are refused with ENOSPC, reads and deletes work, and it heals by itself."""

import errno
import os

from harness import ClusterTest, main, needs_root, run, wait_until

IMAGE_BYTES = 160 << 20
PIECE = 1 << 20


def mount_image(test):
    """A small disk in test.directory, mounted until the test has ended; its path."""
    image = test.directory / 'image'
    with open(image, 'wb') as file:
        file.truncate(IMAGE_BYTES)
    run('mkfs.ext4', '-q', '-m', '0', image)
    disk = test.directory / 'disk'
    disk.mkdir()
    run('mount', '-o', 'loop', image, disk)
    # After the cleanup of what uses it, which runs first: cleanups run in reverse order.
    test.addCleanup(run, 'umount', '-l', disk, status=None)
    return disk


class Filling:
    """What fills a volume, for a test case."""

    def fill(self, directory):
        """Files of one piece each until no more fits; those that were synced."""
        whole = []
        for number in range(IMAGE_BYTES // PIECE):
            path = directory / f'large{number}'
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
                try:
                    os.write(descriptor, bytes([number % 251]) * PIECE)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
                return whole
            whole.append(path)
        self.fail('the disk is never full')

    def assert_whole(self, paths):
        for path in paths:
            number = int(path.name.removeprefix('large'))
            self.assertEqual(path.read_bytes(), bytes([number % 251]) * PIECE)

    def create_until_refused(self, directory):
        """Small files use what large ones left; the first refusal must be ENOSPC."""
        for number in range(200_000):
            try:
                (directory / f'small{number}').write_bytes(b'x' * 2000)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
                return
        self.fail('small files never fill the disk')

    def fill_with_ballast(self, disk):
        """A file that leaves no room for others; its path."""
        ballast = disk / 'ballast'
        with open(ballast, 'wb') as file:
            try:
                while True:
                    file.write(bytes(PIECE))
                    file.flush()
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
                return ballast

    def make_room(self, volume, whole):
        """Deletes the later half of `whole` and all small files; then it can be written again."""
        for path in whole[len(whole) // 2:]:
            path.unlink()
        del whole[len(whole) // 2:]
        for name in os.listdir(volume.path / 'd'):
            if name.startswith('small'):
                os.unlink(volume.path / 'd' / name)
        self.write_again(volume)

    def write_again(self, volume):
        """What was deleted is room again, once the background has erased it."""
        wait_until(lambda: self.can_write(volume.path / 'again'), 'deleting has made room')

    def can_write(self, path):
        try:
            with open(path, 'wb') as file:
                file.write(b'y' * PIECE)
                file.flush()
                os.fsync(file.fileno())
            return True
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOSPC)
            return False


@needs_root
class FullDisk(Filling, ClusterTest):
    def setUp(self):
        super().setUp()
        self.disk = mount_image(self)

    def test_deletes_make_room_again(self):
        volume = self.mount(data=self.disk / 'data')
        (volume.path / 'd').mkdir()
        whole = self.fill(volume.path)
        self.assertGreater(len(whole), 20)
        self.create_until_refused(volume.path / 'd')
        self.assert_whole(whole)
        self.make_room(volume, whole)
        self.assert_whole(whole)
        volume.remount()
        self.assert_whole(whole)

    def test_room_made_by_others_heals_without_a_remount(self):
        volume = self.mount(data=self.disk / 'data')
        (volume.path / 'before').write_text('before')
        ballast = self.fill_with_ballast(self.disk)
        whole = self.fill(volume.path)
        self.assertEqual((volume.path / 'before').read_text(), 'before')
        (volume.path / 'before').unlink()
        ballast.unlink()
        self.write_again(volume)
        self.assert_whole(whole)

    def test_kill_while_full(self):
        volume = self.mount(data=self.disk / 'data')
        whole = self.fill(volume.path)
        volume.kill()
        volume.start()
        self.assert_whole(whole)
        for path in whole:
            path.unlink()
        self.write_again(volume)

    def test_volume_on_a_disk_that_is_full_from_the_start(self):
        with open(self.disk / 'ballast', 'wb') as file:
            free = os.statvfs(self.disk)
            os.posix_fallocate(file.fileno(), 0, (free.f_bavail - 256) * free.f_frsize)
        volume = self.unmounted(data=self.disk / 'data')
        with self.assertRaisesRegex(AssertionError, '(?i)space'):
            volume.start()
        volume.process = None
        (self.disk / 'ballast').unlink()
        volume.start()
        (volume.path / 'f').touch()


if __name__ == '__main__':
    main()
