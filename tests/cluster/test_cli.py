# SPDX-License-Identifier: Apache-2.0
"""The command line: what is refused, with which message, and that nothing is left behind."""

import pathlib
import subprocess

from harness import FUSEFS, ClusterTest, is_mountpoint, main, run, wait_until


class CommandLine(ClusterTest):
    def setUp(self):
        super().setUp()
        self.path = self.directory / 'mnt'
        self.path.mkdir()
        self.source = f'embedded:{self.directory}/data'

    def refused(self, *arguments, says):
        """fusefs ends with a status over 0, says one line that has `says`, and mounts nothing."""
        done = subprocess.run([FUSEFS, *map(str, arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.assertNotIn(done.returncode, (0, -6, -11), done.stderr)
        self.assertIn(says, done.stderr)
        self.assertFalse(is_mountpoint(self.path))

    def test_help_and_version(self):
        text = run(FUSEFS, '--help')
        for word in ('SOURCE', 'MOUNTPOINT', 'embedded:', 'volume=', 'ro', 'allow_other',
                     'attr_timeout=', 'entry_timeout=', 'negative_timeout=', 'noatime',
                     'max_bytes=', 'max_inodes=', 'fusermount3 -u'):
            self.assertIn(word, text)
        self.assertRegex(run(FUSEFS, '--version'), r'fusefs \d+\.\d+\.\d+')

    def test_wrong_arguments(self):
        self.refused(says='SOURCE')
        self.refused(self.source, says='MOUNTPOINT')
        self.refused('--no-such-option', self.source, self.path, says='no-such-option')
        self.refused(self.source, self.path, 'third', says='third')

    def test_wrong_mount_options(self):
        for option, says in (('colour=red', 'colour'), ('ro=1', 'ro'),
                             ('attr_timeout', 'attr_timeout'), ('attr_timeout=soon', 'soon'),
                             ('attr_timeout=-1', '-1'),
                             ('threads=0', 'threads'), ('max_bytes=12Q', '12Q'),
                             ('block_size=5000', 'block'), ('volume=../up', '../up'),
                             ('log_level=loud', 'loud')):
            with self.subTest(option=option):
                self.refused('-o', option, self.source, self.path, says=says)

    def test_wrong_source(self):
        self.refused('data', self.path, says='embedded:DIR')
        self.refused('embedded:', self.path, says='embedded:DIR')
        self.refused('cluster:host', self.path, says='embedded:DIR')

    def test_wrong_mountpoint(self):
        self.refused(self.source, self.directory / 'missing', says='does not exist')
        file = self.directory / 'file'
        file.touch()
        self.refused(self.source, file, says='not a directory')
        self.refused(f'embedded:{self.path}/inside', self.path, says='hidden')
        self.assertFalse((self.directory / 'data').exists())

    def test_directory_in_use(self):
        first = self.mount(data=self.directory / 'data')
        (first.path / 'file').write_text('x')
        self.refused(self.source, self.path, says='in use')
        self.refused('check', self.source, says='in use')
        self.assertEqual((first.path / 'file').read_text(), 'x')

    def test_mountpoint_in_use_by_the_same_volume(self):
        first = self.mount()
        self.refused(first.source, first.path, says='already mounted')

    def test_directory_of_something_else(self):
        foreign = self.directory / 'data'
        foreign.mkdir()
        (foreign / 'letter.txt').write_text('dear')
        self.refused(self.source, self.path, says=str(foreign))
        self.assertEqual([entry.name for entry in foreign.iterdir()], ['letter.txt'])
        self.refused(f'embedded:{foreign}/letter.txt', self.path, says='letter.txt')

    def test_read_only_makes_no_volume(self):
        self.refused('-o', 'ro', self.source, self.path, says='data')
        self.assertFalse((self.directory / 'data').exists())
        self.refused('check', self.source, says='data')
        self.assertFalse((self.directory / 'data').exists())

    def formatted(self):
        mount = self.mount(data=self.directory / 'data')
        mount.end()
        return mount, self.directory / 'data' / 'FORMAT'

    def test_another_format_version(self):
        mount, path = self.formatted()
        good = path.read_text()
        newer = good.replace('metaring directory 1\n', 'metaring directory 2\n')
        self.assertNotEqual(good, newer)
        path.write_text(newer)
        self.refused(self.source, self.path, says='version')
        path.write_text(good)
        mount.start()

    def test_damaged_format(self):
        mount, path = self.formatted()
        good = path.read_bytes()
        for damaged in (b'', b'\0' * len(good), good[:len(good) // 2], b'x' + good):
            with self.subTest(damaged=damaged):
                path.write_bytes(damaged)
                self.refused(self.source, self.path, says='FORMAT')
        path.unlink()
        self.refused(self.source, self.path, says=str(self.directory))
        path.write_bytes(good)
        mount.start()

    def test_background_returns_when_ready_and_logs_to_a_file(self):
        log = self.directory / 'fusefs.log'
        mount = self.unmounted(data=self.directory / 'data')
        run(FUSEFS, '-o', f'log_file={log}', self.source, self.path)
        self.addCleanup(run, 'umount', '-l', self.path, status=None)
        self.assertTrue(is_mountpoint(self.path))
        (self.path / 'file').write_text('at once')
        run('fusermount3', '-u', self.path)
        wait_until(lambda: 'unmounted' in log.read_text(), 'the log says unmounted')
        mount.start()
        self.assertEqual((mount.path / 'file').read_text(), 'at once')

    def test_a_log_file_without_its_directory_is_refused(self):
        log = self.directory / 'missing' / 'fusefs.log'
        self.refused('-o', f'log_file={log}', self.source, self.path, says=str(log.parent))
        self.assertFalse(log.parent.exists())

    def test_relative_source_in_the_background(self):
        run(FUSEFS, 'embedded:data', 'mnt', cwd=self.directory)
        self.addCleanup(run, 'umount', '-l', self.path, status=None)
        (self.path / 'file').touch()
        self.assertTrue((self.directory / 'data' / 'FORMAT').exists())

    def test_several_volumes_of_one_directory(self):
        mount = self.mount('volume=one')
        (mount.path / 'in one').touch()
        mount.remount('volume=two')
        self.assertEqual(list(mount.path.iterdir()), [])
        mount.remount('volume=one')
        self.assertEqual([path.name for path in mount.path.iterdir()], ['in one'])
        mount.end()
        mount.check('-o', 'volume=one')

    def test_data_directory_is_private(self):
        mount = self.mount()
        self.assertEqual(pathlib.Path(mount.data).stat().st_mode & 0o777, 0o700)


if __name__ == '__main__':
    main()
