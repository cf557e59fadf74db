# SPDX-License-Identifier: Apache-2.0
"""Damaged files under a volume: refused or EIO, said aloud, and never a wrong answer."""

import errno
import os
import pathlib

from harness import ClusterTest, main


def flip(path, offset):
    with open(path, 'r+b') as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x40]))


def find_all(path, pattern):
    """Offsets of a pattern in a file, which may be sparse and large."""
    found = []
    with open(path, 'rb') as file:
        content = file.read()
    start = content.find(pattern)
    while start >= 0:
        found.append(start)
        start = content.find(pattern, start + 1)
    return found


class DamagedLog(ClusterTest):
    def setUp(self):
        super().setUp()
        self.volume = self.mount()
        for number in range(300):
            os.mkdir(self.volume.path / f'directory-number-{number}')
        self.volume.kill()

    def records(self, number):
        """Where in the log a name of the test is: (file, offset)."""
        name = f'directory-number-{number}'.encode() + b'\0'
        places = []
        for path in sorted(pathlib.Path(self.volume.data, 'log').iterdir()):
            found = find_all(path, name[:-1])
            places += [(path, offset) for offset in found]
        self.assertTrue(places)
        return places

    def test_damaged_middle_is_refused(self):
        path, offset = self.records(150)[0]
        flip(path, offset)
        with self.assertRaises(AssertionError):
            self.volume.start()
        self.volume.process = None
        said = self.volume.said()
        self.assertIn(path.name, said)
        self.volume.check(status=8)
        flip(path, offset)
        self.volume.start()
        self.assertEqual(len(os.listdir(self.volume.path)), 300)

    def test_torn_tail_is_cut(self):
        path, offset = self.records(299)[-1]
        flip(path, offset)
        self.volume.start()
        names = os.listdir(self.volume.path)
        self.assertEqual(set(names), {f'directory-number-{n}' for n in range(299)})
        os.mkdir(self.volume.path / 'after')
        self.volume.kill()
        self.volume.start()
        self.assertIn('after', os.listdir(self.volume.path))


class DamagedRecord(ClusterTest):
    def damaged(self, marker):
        """Flips a bit in every copy of `marker` that the store holds of an unmounted volume."""
        store = self.volume.data / 'data.mdb'
        places = find_all(store, marker)
        self.assertTrue(places, marker)
        for offset in places:
            flip(store, offset)

    def test_small_content(self):
        self.volume = self.mount()
        (self.volume.path / 'good').write_text('good')
        (self.volume.path / 'bad').write_text('MARKER-' + 'm' * 500)
        self.volume.end()
        self.damaged(b'MARKER-')
        self.volume.start()
        self.assert_errno(errno.EIO, (self.volume.path / 'bad').read_bytes)
        self.assert_rest_goes_on('good')
        (self.volume.path / 'bad').unlink()
        self.volume.end()
        self.volume.check()

    def test_block_of_content(self):
        self.volume = self.mount()
        (self.volume.path / 'good').write_text('good')
        content = b'a' * 200_000 + b'MARKER-' + b'b' * 200_000
        (self.volume.path / 'bad').write_bytes(content)
        self.volume.end()
        self.damaged(b'MARKER-')
        self.volume.start()
        with open(self.volume.path / 'bad', 'rb') as file:
            self.assertEqual(os.pread(file.fileno(), 1000, 0), b'a' * 1000)
            self.assert_errno(errno.EIO, os.pread, file.fileno(), 1000, 200_000)
            self.assertEqual(os.pread(file.fileno(), 1000, 390_000), b'b' * 1000)
        self.assert_rest_goes_on('good')
        self.volume.end()
        self.assertIn('checksum', self.volume.check(status=4))

    def test_inode(self):
        self.volume = self.mount()
        (self.volume.path / 'good').write_text('good')
        (self.volume.path / 'bad').write_text('x')
        os.setxattr(self.volume.path / 'bad', 'user.m', b'MARKER-')
        self.volume.end()
        self.damaged(b'MARKER-')
        self.volume.start()
        self.assert_errno(errno.EIO, os.stat, self.volume.path / 'bad')
        self.assert_rest_goes_on('good')
        self.volume.end()
        self.volume.check(status=4)
        self.volume.check('--repair', status=1)
        self.volume.check()
        self.volume.start()
        self.assertEqual((self.volume.path / 'good').read_text(), 'good')

    def assert_rest_goes_on(self, good):
        path = self.volume.path / good
        self.assertEqual(path.read_text(), 'good')
        (self.volume.path / 'new').write_text('new')
        os.rename(self.volume.path / 'new', self.volume.path / 'renamed')
        self.assertIsNone(self.volume.process.poll())


if __name__ == '__main__':
    main()
