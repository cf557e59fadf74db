# SPDX-License-Identifier: Apache-2.0
#
# What a mount has written is read by path through a real kvnode. The volume is made by fusefs on an
# embedded store, its records are put into a keyspace as they are, and what the mount said of each
# file is what the client must say.
"""The Python client on the files of a volume."""

import json
import os
import stat
import subprocess

from harness import IS_ROOT, main
from node_harness import KVCTL
from test_python import PythonTest, metaring  # pylint: disable=wrong-import-order

FIELDS = ('ino', 'mode', 'nlink', 'uid', 'gid', 'size', 'blocks', 'atime_ns', 'mtime_ns',
          'ctime_ns')


class VolumeTest(PythonTest):
    def setUp(self):
        super().setUp()
        self.volume_mount = self.mount('volume=files,noatime,attr_timeout=0,entry_timeout=0')
        self.root = self.volume_mount.path

    def copied(self):
        """Unmounts, and copies the records to the node."""
        self.volume_mount.end()
        admin = self.client()
        admin.keyspace_create('files', placement=metaring.Placement.PARENT)
        lines = subprocess.run(
            [KVCTL, 'scan', 'files', '--hex', '-o', 'json'], check=True, capture_output=True,
            timeout=120, env={**os.environ, 'METARING_ENDPOINTS': self.volume_mount.source}
        ).stdout.splitlines()
        for line in lines:
            item = json.loads(line)
            admin.put('files', bytes.fromhex(item['key']), bytes.fromhex(item['value']))
        return admin.volume('files')

    def tearDown(self):
        if self.volume_mount.process:
            self.volume_mount.end()


class Paths(VolumeTest):
    def make_tree(self):
        root = os.fsencode(self.root)
        for path in (b'a', b'a/b', b'a/b/c', b'empty', b'moved'):
            os.mkdir(root + b'/' + path)
        for path, size in ((b'file', 0), (b'a/small', 100), (b'a/b/large', 300_000),
                           (b'a/b/c/caf\xc3\xa9', 1), (b'a/b/c/not \xff utf8', 2),
                           (b'n' * 255, 3)):
            with open(root + b'/' + path, 'wb') as file:
                file.write(b'x' * size)
        os.link(root + b'/a/small', root + b'/linked')
        os.rename(root + b'/moved', root + b'/a/moved')
        os.mkfifo(root + b'/fifo', 0o600)
        if IS_ROOT:
            os.mknod(root + b'/device', 0o660 | stat.S_IFCHR, os.makedev(4, 300))
            os.chown(root + b'/a/small', 70_000, (1 << 32) - 2)
        for path, target in ((b'to_file', b'a/small'), (b'a/up', b'../a/b'), (b'absolute', b'/a'),
                             (b'loop', b'loop'), (b'nowhere', b'missing')):
            os.symlink(target, root + b'/' + path)
        os.chmod(root + b'/a/b', 0o2751)
        os.utime(root + b'/file', ns=(-1_500_000_000, 5_000_000_001))
        os.utime(root + b'/empty', ns=(7, 8))
        os.utime(root + b'/a', ns=(1_000, 2_000))
        with open(root + b'/a/later', 'wb'):
            pass  # after the utime: this counts again

    def tree(self):
        """What the mount says of everything, by path from the root."""
        found = {'/': os.lstat(self.root)}
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                path = os.path.join(folder, name)
                found['/' + os.path.relpath(path, self.root)] = os.lstat(path)
        return found

    def test_stat_and_list(self):
        self.make_tree()
        self.tree()  # what it looks at is settled before it is noted
        wanted = self.tree()
        volume = self.copied()
        for path, status in wanted.items():
            with self.subTest(path=path):
                got = volume.stat(path, follow_symlinks=False)
                self.assertEqual({field: getattr(got, field) for field in FIELDS},
                                 {field: getattr(status, f'st_{field}') for field in FIELDS})
                if stat.S_ISCHR(status.st_mode):
                    self.assertEqual(got.rdev, status.st_rdev)
        for path, status in wanted.items():
            if stat.S_ISDIR(status.st_mode):
                self.check_listing(volume, path, wanted)

    def check_listing(self, volume, path, wanted):
        names = {each.rpartition('/')[2] for each in wanted
                 if each != '/' and (each.rpartition('/')[0] or '/') == path}
        plain = list(volume.list(path))
        self.assertEqual({entry.name for entry in plain}, names)
        self.assertEqual(len(plain), len(names))
        for entry in volume.list(path, attributes=True):
            status = wanted[os.path.join(path, entry.name)]
            self.assertEqual((entry.ino, entry.type),
                             (status.st_ino, stat.S_IFMT(status.st_mode)))
            self.assertEqual(entry.stat, volume.stat(os.path.join(path, entry.name),
                                                     follow_symlinks=False))

    def test_how_paths_are_resolved(self):
        self.make_tree()
        small = os.stat(self.root / 'a/small').st_ino
        inner = os.stat(self.root / 'a/b').st_ino
        volume = self.copied()
        for path, ino in (('a/small', small), ('/a//small', small), ('to_file', small),
                          ('linked', small), ('/a/b/../small', small), ('./a/./small', small),
                          ('absolute/up', inner), ('a/moved/../b/c/..', inner), (b'/a/up/', inner),
                          ('/../../a/b', inner)):
            with self.subTest(path=path):
                self.assertEqual(volume.stat(path).ino, ino)
        self.assertEqual(volume.stat('', follow_symlinks=False).ino, 1)
        self.assertEqual(volume.stat('to_file', follow_symlinks=False).symlink_target, 'a/small')
        self.assertEqual(sorted(entry.name for entry in volume.list('a/up/c')),
                         ['café', 'not \udcff utf8'])
        for path, error in (('missing', metaring.NotFound), ('nowhere', metaring.NotFound),
                            ('file/x', metaring.NotDirectory), ('file/.', metaring.NotDirectory),
                            ('loop', metaring.TooManyLinks), ('n' * 256, metaring.NameTooLong),
                            ('a/' * 2500, metaring.NameTooLong),
                            ('a\0b', metaring.InvalidArgument)):
            with self.subTest(path=path), self.assertRaises(error):
                volume.stat(path)
        with self.assertRaises(metaring.NotDirectory):
            volume.list('file')

    def test_large_directory(self):
        folder = self.root / 'many'
        folder.mkdir()
        for number in range(1200):
            if number % 3:
                (folder / f'file {number}').touch()
            else:
                (folder / f'folder {number}').mkdir()
        volume = self.copied()
        entries = list(volume.list('many', attributes=True))
        self.assertEqual(len({entry.name for entry in entries}), 1200)
        self.assertEqual(len(entries), 1200)
        for entry in entries:
            self.assertEqual(entry.stat.is_dir(), entry.name.startswith('folder'))
        self.assertEqual(volume.stat('many').nlink, 402)

    def test_not_a_volume(self):
        admin = self.client()
        admin.keyspace_create('plain')
        with self.assertRaisesRegex(metaring.NotFound, 'not formatted'):
            admin.volume('plain').stat('/')
        with self.assertRaises(metaring.NotFound):
            admin.volume('missing').stat('/')


class Xattrs(VolumeTest):
    def test_get_and_list(self):
        xattrs = {'user.small': b'value', 'user.empty': b'', 'user.large': os.urandom(5000),
                  'user.with/slash % and %2f': b'y' * 2000, 'user.caf\u00e9': b'z',
                  'user.not \udcff utf8': b'\xff\0'}
        for path in ('file', 'folder', 'twice'):
            (self.root / path).mkdir() if path == 'folder' else (self.root / path).touch()
            for name, value in xattrs.items():
                os.setxattr(self.root / path, os.fsencode(name), value)
        (self.root / 'bare').touch()
        os.link(self.root / 'twice', self.root / 'folder/other')
        volume = self.copied()
        for path in ('file', 'folder', 'twice', 'folder/other'):
            with self.subTest(path=path):
                self.assertEqual(sorted(volume.list_xattr(path)), sorted(xattrs))
                for name, value in xattrs.items():
                    self.assertEqual(volume.get_xattr(path, name), value)
                with self.assertRaises(metaring.NoData):
                    volume.get_xattr(path, 'user.other')
        self.assertEqual(volume.list_xattr('bare'), [])
        for name, error in (('user.x', metaring.NoData), ('user.', metaring.InvalidArgument),
                            ('os2.x', metaring.Unsupported), ('', metaring.OutOfRange),
                            ('user.' + 'x' * 251, metaring.OutOfRange)):
            with self.subTest(name=name), self.assertRaises(error):
                volume.get_xattr('bare', name)


if __name__ == '__main__':
    main()
