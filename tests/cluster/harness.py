# SPDX-License-Identifier: Apache-2.0
#
# What every test on a real mount needs: a directory of its own, fusefs on it, and the promise that
# nothing is left mounted or running, however the test ends. At its end each test also unmounts
# cleanly and has the volume checked, so that every test is a test of `fusefs check` too.
"""Mounts for tests."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUSEFS = os.environ.get('METARING_FUSEFS', str(ROOT / 'build/release/bin/fusefs'))
# Only to end a test that hangs; nothing is decided by them.
COMMAND_SECONDS = 300
READY_SECONDS = 120
POLL_SECONDS = 0.02
IS_ROOT = os.geteuid() == 0

needs_root = unittest.skipUnless(IS_ROOT, 'only root can do this')


def needs(program):
    return unittest.skipUnless(shutil.which(program), f'{program} is not installed')


def run(*command, status=0, **options):
    """Runs a command, which must end with `status` (None: any); its combined output is returned."""
    done = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          timeout=COMMAND_SECONDS, **options)
    if status is not None and done.returncode != status:
        raise AssertionError(f'{" ".join(map(str, command))} ended with {done.returncode}:\n'
                             f'{done.stdout}')
    return done.stdout


def wait_until(condition, what):
    """Polls; raises when it has not come true for READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'waited in vain until {what}')
        time.sleep(POLL_SECONDS)


def is_mountpoint(path):
    """Also of a mount whose process is gone, which cannot be asked."""
    with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
        return any(line.split()[4] == str(path) for line in mounts)


class Mount:
    """One volume of one data directory, mounted and unmounted any number of times."""

    def __init__(self, data, path, options='', log=None):
        self.data = pathlib.Path(data)
        self.path = pathlib.Path(path)
        self.options = options
        self.log = pathlib.Path(log or f'{data}.log')
        self.process = None

    @property
    def source(self):
        return f'embedded:{self.data}'

    def said(self):
        """All that fusefs has written to stderr so far."""
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def start(self, options=None):
        """Mounts in the foreground and returns when the mount answers."""
        self.path.mkdir(exist_ok=True)
        chosen = self.options if options is None else options
        words = [FUSEFS, '-f'] + (['-o', chosen] if chosen else []) + [self.source, str(self.path)]
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._started, f'{self.path} is mounted')
        if self.process.poll() is not None:
            raise AssertionError(f'fusefs ended with {self.process.returncode}:\n{self.said()}')
        self.path.stat()
        return self

    def _started(self):
        return self.process.poll() is not None or is_mountpoint(self.path)

    def end(self, how=None):
        """Ends the mount by `how`, by default umount or fusermount3; fusefs must end well."""
        if how:
            how(self)
        elif IS_ROOT:
            run('umount', self.path)
        else:
            run('fusermount3', '-u', self.path)
        status = self.process.wait(timeout=READY_SECONDS)
        self.process = None
        if status != 0:
            raise AssertionError(f'fusefs ended with {status}:\n{self.said()}')
        if is_mountpoint(self.path):
            raise AssertionError(f'{self.path} is still mounted')

    def remount(self, options=None):
        self.end()
        return self.start(options)

    def kill(self):
        """kill -9, and the dead mount removed."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self._detach()

    def _detach(self):
        while is_mountpoint(self.path):
            run('umount', '-l', self.path) if IS_ROOT else run('fusermount3', '-uz', self.path)

    def destroy(self):
        """Whatever the state, nothing is left."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        self._detach()

    def check(self, *arguments, status=0):
        """`fusefs check` of the unmounted volume."""
        return run(FUSEFS, 'check', *arguments, self.source, status=status)


class ClusterTest(unittest.TestCase):
    """Gives each test a directory, mounts on demand, and cleans up."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix='metaring-', dir=os.environ.get('METARING_TEST_DIR')))
        self.directory.chmod(0o755)  # other users pass through it to the mount
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.mounts = []

    def mount(self, options='', name='volume', data=None):
        """A fresh mount of self.directory/NAME."""
        mount = self.unmounted(options, name, data)
        return mount.start()

    def unmounted(self, options='', name='volume', data=None):
        mount = Mount(data or self.directory / f'{name}.data', self.directory / name, options,
                      self.directory / f'{name}.log')
        self.mounts.append(mount)
        self.addCleanup(mount.destroy)
        return mount

    def tearDown(self):
        if self._failed():
            for mount in self.mounts:
                print(f'--- {mount.log.name}\n{mount.said()[-4000:]}', flush=True)
            return
        for mount in self.mounts:
            if mount.process:
                mount.end()
                mount.check()

    def _failed(self):
        outcome = self._outcome.result
        return any(test is self for test, _ in outcome.failures + outcome.errors)

    def assert_errno(self, number, function, *arguments, **options):
        with self.assertRaises(OSError) as caught:
            function(*arguments, **options)
        self.assertEqual(os.strerror(caught.exception.errno), os.strerror(number))


@contextlib.contextmanager
def started(*command, **options):
    """A process that surely ends with the block."""
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def main():
    # A test that ctest ends by its time limit cleans up too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    unittest.main(verbosity=2)
