# SPDX-License-Identifier: Apache-2.0
#
# What a mount has written is read by path through a real kvnode. The volume is made by fusefs on an
# embedded store, its records are put into a keyspace as they are, and what the mount said of each
# file is what the client must say.
"""The Python client on the files of a volume."""

import dataclasses
import json
import os
import stat
import subprocess
import threading

from harness import IS_ROOT, main, run
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

    def test_set_and_remove(self):
        for name in ('file', 'twice'):
            (self.root / name).write_text('content')
        (self.root / 'folder').mkdir()
        os.symlink('file', self.root / 'link')
        os.link(self.root / 'twice', self.root / 'folder/other')
        os.utime(self.root / 'file', ns=(1, 2))
        volume = self.copied()
        values = {'user.small': b'1', 'user.large': os.urandom(60_000), 'user.a/b%': b'x' * 257,
                  'trusted.t': b'', 'security.s': b's' * 256}
        for path in ('file', 'folder', 'twice'):
            before = volume.stat(path)
            for name, value in values.items():
                volume.set_xattr(path, name, b'other')
                volume.set_xattr(path, name, value)
            after = volume.stat(path)
            self.assertGreater(after.ctime_ns, before.ctime_ns)
            self.assertEqual(dataclasses.replace(after, ctime_ns=before.ctime_ns), before)
        self.refusals(volume)
        self.assertEqual(volume.get_xattr('link', 'user.large'), values['user.large'])
        for path in ('file', 'folder', 'folder/other'):
            self.assertEqual({name: volume.get_xattr(path, name)
                              for name in volume.list_xattr(path)}, values)
            for name in ('user.large', 'user.small'):
                volume.remove_xattr(path, name)
            with self.assertRaises(metaring.NoData):
                volume.remove_xattr(path, 'user.large')
        self.mounted_again(volume, {name: value for name, value in values.items()
                                    if name not in ('user.large', 'user.small')})

    def refusals(self, volume):
        for error, name, value, options in (
                (metaring.Exists, 'user.small', b'', {'create': True}),
                (metaring.NoData, 'user.new', b'', {'replace': True}),
                (metaring.InvalidArgument, 'user.x', b'', {'create': True, 'replace': True}),
                (metaring.TooBig, 'user.x', b'x' * 65_537, {}),
                (metaring.NotPermitted, 'user.x', b'', {'follow_symlinks': False}),
                (metaring.Unsupported, 'system.posix_acl_access', b'', {}),
                (metaring.Unsupported, 'system.other', b'', {})):
            with self.subTest(name=name, options=options), self.assertRaises(error):
                volume.set_xattr('link', name, value, **options)
        volume.set_xattr('folder', 'user.fill0', bytes(65_536))
        volume.set_xattr('folder', 'user.fill1', bytes(65_536))
        volume.set_xattr('folder', 'user.fill2', bytes(65_536))
        with self.assertRaises(metaring.NoSpace):
            volume.set_xattr('folder', 'user.fill3', bytes(65_536))
        for number in range(3):
            volume.remove_xattr('folder', f'user.fill{number}')

    def mounted_again(self, volume, values):
        """Back to an embedded store: the mount and `fusefs check` take what was written."""
        copy = self.unmounted('volume=files', name='copy')
        given = {'METARING_ENDPOINTS': copy.source}
        run(KVCTL, 'keyspace', 'create', 'files', env={**os.environ, **given})
        for item in self.client().scan('files'):
            subprocess.run(
                [KVCTL, 'put', 'files', '--hex', item.key.hex(), '--value-file', '-'],
                input=item.value, env={**os.environ, **given}, check=True, timeout=120)
        copy.start()
        for path in ('file', 'folder', 'twice'):
            status = os.stat(copy.path / path)
            self.assertEqual(status.st_ctime_ns, volume.stat(path).ctime_ns)
            self.assertEqual(status.st_mtime_ns, volume.stat(path).mtime_ns)
            for name, value in values.items():
                if IS_ROOT or name.startswith('user.'):
                    self.assertEqual(os.getxattr(copy.path / path, name), value)
            with self.assertRaises(OSError):
                os.getxattr(copy.path / path, 'user.large')
        copy.end()
        copy.check('-o', 'volume=files')
        self.mounts.remove(copy)

    def test_writers_at_once(self):
        (self.root / 'file').touch()
        volume = self.copied()

        def work(number):
            for step in range(10):
                volume.set_xattr('file', f'user.{number}.{step}', f'{number}' * 100)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(volume.list_xattr('file')), 40)


if __name__ == '__main__':
    main()
