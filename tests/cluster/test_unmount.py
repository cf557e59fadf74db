# SPDX-License-Identifier: Apache-2.0
"""Every way to end a mount ends it cleanly, and the next mount has everything."""

import os
import signal
import subprocess

from harness import FUSEFS, ClusterTest, main, needs_root, run


def by_signal(number):
    return lambda mount: mount.process.send_signal(number)


class Unmount(ClusterTest):
    def ends_by(self, how):
        mount = self.mount()
        for number in range(200):
            (mount.path / f'f{number}').write_text(str(number))
        with open(mount.path / 'not synced', 'w', encoding='utf-8') as file:
            file.write('closed, not synced')
        os.setxattr(mount.path / 'f1', 'user.a', b'1')
        mount.end(how)
        self.assertEqual(list(mount.path.iterdir()), [])
        mount.check()
        mount.start()
        self.assertEqual(len(os.listdir(mount.path)), 201)
        self.assertEqual((mount.path / 'f199').read_text(), '199')
        self.assertEqual((mount.path / 'not synced').read_text(), 'closed, not synced')
        self.assertEqual(os.getxattr(mount.path / 'f1', 'user.a'), b'1')

    def test_sigterm(self):
        self.ends_by(by_signal(signal.SIGTERM))

    def test_sigint(self):
        self.ends_by(by_signal(signal.SIGINT))

    def test_sighup(self):
        self.ends_by(by_signal(signal.SIGHUP))

    def test_fusermount(self):
        self.ends_by(lambda mount: run('fusermount3', '-u', mount.path))

    @needs_root
    def test_umount(self):
        self.ends_by(lambda mount: run('umount', mount.path))

    def test_remount_at_once_ten_times(self):
        mount = self.mount()
        for number in range(10):
            (mount.path / str(number)).touch()
            mount.remount()
        self.assertEqual(len(os.listdir(mount.path)), 10)

    # umount returns before the process has stored what it had and ended.
    def test_check_right_after_an_unmount_waits_for_its_end(self):
        def unmount_and_check(mount):
            run('fusermount3', '-u', mount.path)
            self.assertIn('is clean', run(FUSEFS, 'check', mount.source))

        mount = self.mount()
        for number in range(5):
            for name in range(200):
                (mount.path / f'{number}-{name}').write_text('x' * name)
            mount.end(unmount_and_check)
            mount.start()

    def test_busy_mount_is_not_unmounted(self):
        mount = self.mount()
        with open(mount.path / 'open', 'w', encoding='utf-8') as file:
            run('fusermount3', '-u', mount.path, status=1)
            file.write('still here')
        self.assertEqual((mount.path / 'open').read_text(), 'still here')

    def test_signal_while_a_file_is_open_keeps_its_content(self):
        mount = self.mount()
        writer = subprocess.Popen(['sh', '-c', f'exec 3>"{mount.path}/open"; echo content >&3; '
                                   'echo ready; read line'], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(writer.communicate)
        self.assertEqual(writer.stdout.readline(), b'ready\n')
        mount.process.send_signal(signal.SIGTERM)
        self.assertEqual(mount.process.wait(timeout=120), 0)
        mount.destroy()
        mount.check()
        mount.start()
        self.assertEqual((mount.path / 'open').read_text(), 'content\n')


if __name__ == '__main__':
    main()
