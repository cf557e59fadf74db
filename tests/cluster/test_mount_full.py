# SPDX-License-Identifier: Apache-2.0
"""A full disk below a kvnode: a mount sees ENOSPC, reads and deletes go on, and it heals by itself:
neither the node is started again nor the volume mounted again."""

import errno
import os

from harness import main, needs_root, wait_until
from mount_harness import MountTest
from test_full import Filling, mount_image


@needs_root
class FullDisk(Filling, MountTest):
    def setUp(self):
        super().setUp()
        self.kvnode.stop()
        self.disk = mount_image(self)
        self.kvnode.configure(node={'data_directory': str(self.disk / 'data')},
                              listen={'clients': self.kvnode.address,
                                      'nodes': self.kvnode.node_address})
        self.kvnode.start()
        self.addCleanup(self.kvnode.kill)  # before the disk goes

    def assert_up(self):
        self.assertIsNone(self.kvnode.process.poll(), self.kvnode.said())
        self.assertIsNone(self.volume.process.poll(), self.volume.said())

    def test_deletes_make_room_again(self):
        self.volume = volume = self.mounted()
        (volume.path / 'd').mkdir()
        whole = self.fill(volume.path)
        self.assertGreater(len(whole), 20)
        self.create_until_refused(volume.path / 'd')
        self.assert_up()
        self.assert_whole(whole)
        with self.kvnode.connect() as connection:
            self.assertEqual(connection.health(), 2)  # read-only
        self.make_room(volume, whole)
        self.assert_up()
        self.assert_whole(whole)
        with self.kvnode.connect() as connection:
            self.assertEqual(connection.health(), 1)
        volume.end()

    def test_room_made_by_others_heals_it(self):
        self.volume = volume = self.mounted()
        (volume.path / 'before').write_text('before')
        ballast = self.fill_with_ballast(self.disk)
        whole = self.fill(volume.path)
        self.assertEqual((volume.path / 'before').read_text(), 'before')
        (volume.path / 'before').unlink()
        ballast.unlink()
        self.write_again(volume)
        self.assert_up()
        self.assert_whole(whole)
        volume.end()

    def test_a_writer_keeps_what_found_no_room_until_there_is_some(self):
        self.volume = volume = self.mounted()
        with open(volume.path / 'late', 'wb', buffering=0) as file:
            ballast = self.fill_with_ballast(self.disk)
            self.fill(volume.path)
            try:
                file.write(b'kept' * 1000)
                os.fsync(file.fileno())
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
            ballast.unlink()
            wait_until(lambda: self.is_stored(file), 'there is room again')
        self.assertEqual((volume.path / 'late').read_bytes(), b'kept' * 1000)
        self.assert_up()
        volume.end()

    def is_stored(self, file):
        try:
            os.fsync(file.fileno())
            return True
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOSPC)
            return False


if __name__ == '__main__':
    main()
