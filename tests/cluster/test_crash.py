# SPDX-License-Identifier: Apache-2.0
"""kill -9 of fusefs again and again: every acknowledged change is there, and check is clean."""

import os
import pathlib
import random
import sys
import time

from harness import ClusterTest, main, started, wait_until
from manifest import actual_tree, expected_trees, read_notes

ROUNDS = int(os.environ.get('METARING_CRASH_ROUNDS', '15'))
WORKERS = 4
WORKER = pathlib.Path(__file__).with_name('manifest.py')


def first_difference(expected, actual):
    for path in sorted(set(expected) | set(actual)):
        left, right = expected.get(path), actual.get(path)
        if left != right:
            return f'{path}: expected {str(left)[:300]}, found {str(right)[:300]}'
    return ''


class Crash(ClusterTest):
    def test_acknowledged_changes_survive(self):
        seed = int(os.environ.get('METARING_SEED', str(random.randrange(10**9))))
        print(f'METARING_SEED={seed}', flush=True)
        chance = random.Random(seed)
        mount = self.mount()
        verified = 0
        for number in range(ROUNDS):
            directories = self.crash_while_working(mount, number, chance)
            mount.check()
            mount.start()
            for directory, notes in directories:
                verified += self.verify(directory, notes)
            if number % 5 == 4:  # old rounds stay for a while, then make room
                for folder in os.listdir(mount.path):
                    self.remove(mount.path / folder)
        print(f'{verified} acknowledged changes verified in {ROUNDS} rounds', flush=True)
        self.assertGreater(verified, ROUNDS * 10)

    def crash_while_working(self, mount, number, chance):
        names = [f'{number}-{who}' for who in range(WORKERS)]
        directories = [(mount.path / f'round{name}', self.directory / f'notes{name}')
                       for name in names]
        processes = []
        for directory, notes in directories:
            words = (sys.executable, WORKER, directory, notes, chance.randrange(10**9))
            worker = started(*words)
            processes.append(worker.__enter__())
            self.addCleanup(worker.__exit__, None, None, None)
        # A worker that began after the crash would work below the mountpoint, without end.
        for _, notes in directories:
            wait_until(lambda notes=notes: notes.exists() and notes.stat().st_size > 0,
                       'the workers have begun')
        # The moment of the crash is the only thing that this time decides.
        time.sleep(chance.uniform(0.3, 2.0))
        mount.kill()
        for process in processes:
            process.wait()
        return directories

    def verify(self, directory, notes):
        if not notes.exists() or not notes.read_text():
            return 0  # it was killed before it could begin
        done, pending, failed = read_notes(notes)
        self.assertIn(os.strerror(failed or 0),
                      [os.strerror(code) for code in (0, 2, 5, 103, 107)], f'{notes}: {pending}')
        trees = expected_trees(done, pending)
        actual = actual_tree(directory)
        if actual not in trees:
            raise AssertionError(f'{directory} after {len(done)} changes, open: '
                                 f'{str(pending)[:200]}: {first_difference(trees[0], actual)}')
        return len(done)

    def remove(self, directory):
        for folder, folders, files in os.walk(directory, topdown=False):
            for name in files:
                os.unlink(os.path.join(folder, name))
            for name in folders:
                path = os.path.join(folder, name)
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)
        os.rmdir(directory)


class CrashAtOnce(ClusterTest):
    def test_kill_right_after_each_kind_of_change(self):
        """One change each, killed as soon as it is acknowledged."""
        mount = self.mount()
        path = mount.path
        (path / 'd').mkdir()
        (path / 'f').write_text('x')
        changes = [
            (lambda: os.mkdir(path / 'new'), lambda: (path / 'new').is_dir()),
            (lambda: os.rename(path / 'f', path / 'd/g'), lambda: (path / 'd/g').is_file()),
            (lambda: os.link(path / 'd/g', path / 'h'), lambda: (path / 'h').stat().st_nlink == 2),
            (lambda: os.unlink(path / 'h'), lambda: not (path / 'h').exists()),
            (lambda: os.chmod(path / 'd/g', 0o4711),
             lambda: (path / 'd/g').stat().st_mode & 0o7777 == 0o4711),
            (lambda: os.utime(path / 'd/g', ns=(1, 2)),
             lambda: (path / 'd/g').stat().st_mtime_ns == 2),
            (lambda: os.setxattr(path / 'd', 'user.a', b'1' * 60_000),
             lambda: len(os.getxattr(path / 'd', 'user.a')) == 60_000),
            (lambda: os.symlink('x', path / 's'), lambda: os.readlink(path / 's') == 'x'),
            (lambda: (path / 'closed').write_text('y' * 100_000),
             lambda: (path / 'closed').read_text() == 'y' * 100_000),
            (lambda: os.rmdir(path / 'new'), lambda: not (path / 'new').exists()),
        ]
        for change, holds in changes:
            change()
            mount.kill()
            mount.start()
            self.assertTrue(holds())


if __name__ == '__main__':
    main()
