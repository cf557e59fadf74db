# SPDX-License-Identifier: Apache-2.0
"""Large directories, scans while entries come and go, and many processes at one name."""

import collections
import ctypes
import multiprocessing
import os
import threading

from harness import ClusterTest, main

LARGE = 100_000


def make_files(directory, names):
    for name in names:
        os.close(os.open(os.path.join(directory, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def make_many(directory, count, processes=8):
    """files f0 to fN-1, made by several processes."""
    workers = [multiprocessing.Process(
        target=make_files, args=(directory, [f'f{n}' for n in range(start, count, processes)]))
        for start in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise AssertionError('a maker of files failed')


class LargeDirectory(ClusterTest):
    def test_scan_while_entries_come_and_go(self):
        mount = self.mount()
        directory = mount.path / 'd'
        directory.mkdir()
        make_many(directory, LARGE)
        stable = {f'f{n}' for n in range(LARGE)}
        stop = threading.Event()

        def churn(who):
            number = 0
            while not stop.is_set():
                path = directory / f'{who}-{number % 50}'
                path.touch()
                os.rename(path, directory / f'{who}-renamed')
                os.unlink(directory / f'{who}-renamed')
                number += 1

        churners = [threading.Thread(target=churn, args=(who,)) for who in ('a', 'b')]
        for churner in churners:
            churner.start()
        try:
            for _ in range(2):
                self.assert_scan_is_exact(directory, stable)
        finally:
            stop.set()
            for churner in churners:
                churner.join()
        mount.remount()
        self.assertEqual(set(os.listdir(directory)), stable)
        self.remove_while_scanning(directory)
        self.assertEqual(os.listdir(directory), [])
        os.rmdir(directory)

    def assert_scan_is_exact(self, directory, stable):
        """Every name that is there all the time comes exactly once."""
        seen = collections.Counter(entry.name for entry in os.scandir(directory))
        twice = [name for name, count in seen.items() if count > 1 and name in stable]
        self.assertEqual(twice, [])
        self.assertEqual(len(stable - seen.keys()), 0)

    def remove_while_scanning(self, directory):
        """As rm -rf does it: one scan, in which every name is removed as it comes."""
        with os.scandir(directory) as entries:
            for entry in entries:
                os.unlink(entry.path)

    def test_times_and_counts_of_a_busy_directory(self):
        mount = self.mount()
        directory = mount.path / 'd'
        directory.mkdir()
        before = directory.stat()
        make_many(directory, 2000)
        after = directory.stat()
        self.assertGreater(after.st_mtime_ns, before.st_mtime_ns)
        self.assertEqual(after.st_nlink, 2)
        for number in range(100):
            (directory / f'd{number}').mkdir()
        self.assertEqual(directory.stat().st_nlink, 102)
        mount.remount()
        self.assertEqual(directory.stat().st_nlink, 102)
        self.assertEqual(len(os.listdir(directory)), 2100)

    def test_telldir_positions_stay_good(self):
        mount = self.mount()
        make_files(mount.path, [f'f{n}' for n in range(1000)])
        scan = _Directory(mount.path)
        names, positions = scan.read_all()
        self.assertEqual(len(set(names)), 1002)
        self.assertEqual(len(set(positions)), len(positions))
        for index in (0, 1, 2, 500, 999, 1000):
            scan.seek(positions[index])
            self.assertEqual(scan.read(), names[index + 1])
        scan.close()


class _Directory:
    """opendir(3) and its kin, which Python does not have."""

    def __init__(self, path):
        libc = self.libc = ctypes.CDLL(None)
        for name in ('opendir', 'readdir'):
            getattr(libc, name).restype = ctypes.c_void_p
        for name in ('readdir', 'telldir', 'closedir'):
            getattr(libc, name).argtypes = [ctypes.c_void_p]
        libc.telldir.restype = ctypes.c_long
        libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
        self.handle = libc.opendir(os.fsencode(path))

    def read(self):
        entry = self.libc.readdir(self.handle)
        return ctypes.string_at(entry + 19).decode() if entry else None  # struct dirent, d_name

    def read_all(self):
        """Names, and the position after each."""
        names, positions = [], []
        while (name := self.read()) is not None:
            names.append(name)
            positions.append(self.libc.telldir(self.handle))
        return names, positions

    def seek(self, position):
        self.libc.seekdir(self.handle, position)

    def close(self):
        self.libc.closedir(self.handle)


def create_each(directory, rounds, barrier, winners):
    won = []
    for number in range(rounds):
        barrier.wait()
        try:
            os.close(os.open(os.path.join(directory, str(number)),
                             os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            won.append(number)
        except FileExistsError:
            pass
    winners.put(won)


def move_each(directory, who, rounds, barrier, winners):
    won = []
    for number in range(rounds):
        barrier.wait()
        try:
            os.rename(os.path.join(directory, str(number)),
                      os.path.join(directory, f'{who}-{number}'))
            won.append(number)
        except FileNotFoundError:
            pass
    winners.put(won)


class Races(ClusterTest):
    PROCESSES = 8
    ROUNDS = 200

    def race(self, target, arguments):
        """Runs PROCESSES at once, round by round; how often each round was won."""
        barrier = multiprocessing.Barrier(self.PROCESSES)
        winners = multiprocessing.SimpleQueue()
        processes = [multiprocessing.Process(target=target,
                                             args=(*arguments(who), self.ROUNDS, barrier, winners))
                     for who in range(self.PROCESSES)]
        for process in processes:
            process.start()
        won = collections.Counter()
        for _ in processes:
            won.update(winners.get())
        for process in processes:
            process.join()
        return [won[number] for number in range(self.ROUNDS)]

    def test_exclusive_create_has_one_winner(self):
        mount = self.mount()
        won = self.race(create_each, lambda who: (mount.path,))
        self.assertEqual(won, [1] * self.ROUNDS)
        self.assertEqual(len(os.listdir(mount.path)), self.ROUNDS)

    def test_rename_has_one_winner(self):
        mount = self.mount()
        make_files(mount.path, [str(n) for n in range(self.ROUNDS)])
        won = self.race(move_each, lambda who: (mount.path, who))
        self.assertEqual(won, [1] * self.ROUNDS)
        self.assertEqual(len(os.listdir(mount.path)), self.ROUNDS)

    def test_directories_moved_into_each_other_make_no_loop(self):
        mount = self.mount()
        (mount.path / 'a').mkdir()
        (mount.path / 'b').mkdir()
        stop = threading.Event()

        def shuffle(one, other):
            while not stop.is_set():
                for old, new in ((one, f'{other}/{one}'), (f'{other}/{one}', one)):
                    try:
                        os.rename(mount.path / old, mount.path / new)
                    except OSError:
                        pass  # the other was quicker

        threads = [threading.Thread(target=shuffle, args=pair) for pair in ('ab', 'ba')]
        for thread in threads:
            thread.start()
        seen = set()
        for _ in range(300):
            for folder, _, _ in os.walk(mount.path):
                seen.add(os.path.basename(folder))
        stop.set()
        for thread in threads:
            thread.join()
        names = sorted(os.path.basename(folder) for folder, _, _ in os.walk(mount.path))
        self.assertEqual(names, ['a', 'b', 'volume'])


if __name__ == '__main__':
    main()
