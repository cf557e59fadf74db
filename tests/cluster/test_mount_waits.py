# SPDX-License-Identifier: Apache-2.0
#
# What a caller gets from a mount whose node does not answer: SIGSTOP leaves its connections open
# and its requests unanswered. Callers are processes of their own, which are killed, interrupted and
# pestered with timers; they call libc directly, because Python hides EINTR.
"""Waiting for a node: soft and hard mounts, killed callers, interrupted calls."""

import contextlib
import errno
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from harness import READY_SECONDS, main, needs_root, wait_until
from mount_harness import MountTest

# Longer than any test: what ends sooner has not ended by itself.
PATIENT = 'op_timeout=1000'
PROMPT_SECONDS = 30  # "at once", on a machine that is busy

CALLER = r'''
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    """The call's errno, or 0."""
    values = [os.fsencode(a) if isinstance(a, str) else a for a in arguments]
    result = getattr(libc, name)(*values)
    return ctypes.get_errno() if result == -1 else 0
def ready():
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    sys.stdin.readline()
'''


# Where the kernel waits for an answer, or for a page that an answer will fill.
WAITS = ('request_wait', 'folio_wait', 'wait_on_page')


def is_blocked(pid):
    """Whether every thread of the process waits for the answer to a request."""
    try:
        return all(any(wait in wchan.read_text() for wait in WAITS) for wchan in
                   pathlib.Path(f'/proc/{pid}/task').glob('*/wchan'))
    except FileNotFoundError:
        return False


class WaitTest(MountTest):
    def stopped(self):
        """For a with block: the node does not answer in it."""
        self.kvnode.freeze()
        stack = contextlib.ExitStack()
        stack.callback(self.go_on)
        return stack

    def go_on(self):
        if self.kvnode.process:
            self.kvnode.send(signal.SIGCONT)

    @contextlib.contextmanager
    def caller(self, code, *arguments):
        """A process that runs `code` up to ready(), and from there when its stdin has a line."""
        process = subprocess.Popen([sys.executable, '-c', CALLER + code, *map(str, arguments)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(process.stdout.readline(), 'ready\n')
            yield process
        finally:
            self.go_on()
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    @contextlib.contextmanager
    def crowd(self, mount):
        """A process with more threads that wait for the node than requests are read."""
        threads = 1100
        with self.caller(f'''
import threading
threading.stack_size(65536)
ready()
for number in range({threads - 1}):
    threading.Thread(target=lambda n: os.path.exists(sys.argv[1] + str(n)), args=(number,),
                     daemon=True).start()
os.path.exists(sys.argv[1])
''', mount.path / 'f') as process, self.stopped():
            self.begin(process)
            wait_until(lambda: len(os.listdir(f'/proc/{process.pid}/task')) >= threads and
                       is_blocked(process.pid), 'all wait')
            yield process

    def begin(self, process):
        process.stdin.write('\n')
        process.stdin.flush()

    def await_blocked(self, process):
        wait_until(lambda: is_blocked(process.pid) or process.poll() is not None,
                   'the caller waits for the node')
        self.assertIsNone(process.poll())


# Name -> what the caller does before ready(), and then.
OPERATIONS = {
    'stat': ('path = p + "/unseen"', 'os.stat(path)'),
    'mkdir': ('', 'os.mkdir(p + "/made")'),
    'rename': ('', 'os.rename(p + "/old", p + "/new")'),
    'unlink': ('', 'os.unlink(p + "/gone")'),
    'list': ('', 'os.listdir(p)'),
    'open': ('', 'os.open(p + "/file", os.O_RDWR)'),
    'create': ('', 'os.open(p + "/created", os.O_CREAT | os.O_RDWR)'),
    'read': ('f = os.open(p + "/file", os.O_RDONLY)', 'os.read(f, 100)'),
    'fsync': ('f = os.open(p + "/file", os.O_WRONLY)\nos.write(f, b"x")', 'os.fsync(f)'),
    'xattr': ('', 'os.setxattr(p + "/file", "user.x", b"y")'),
    'statfs': ('', 'os.statvfs(p)'),
}


@needs_root
class KilledCallers(WaitTest):
    def kill_in_each(self, options, number, prepare=''):
        mount = self.mounted(options=options)
        for name in ('old', 'gone'):
            (mount.path / name).touch()
        (mount.path / 'file').write_bytes(b'content')
        # With nothing cached each call needs the node.
        mount.remount(mount.options + ',attr_timeout=0,entry_timeout=0')
        for name, (before, then) in OPERATIONS.items():
            code = f'p = sys.argv[1]\n{before}\n{prepare}\nready()\n{then}'
            with self.subTest(operation=name), self.caller(code, mount.path) as process:
                with self.stopped():
                    self.begin(process)
                    self.await_blocked(process)
                    process.send_signal(number)
                    self.assertEqual(process.wait(timeout=PROMPT_SECONDS), -number)
        # Each was done or not; none is half done.
        names = set(os.listdir(mount.path))
        self.assertEqual(len(names & {'old', 'new'}), 1)
        self.assertIn('file', names)
        mount.end()

    def test_kill_ends_a_caller_of_a_soft_mount_at_once(self):
        self.kill_in_each(PATIENT, signal.SIGKILL)

    def test_kill_ends_a_caller_of_a_hard_mount_at_once(self):
        self.kill_in_each('hard,' + PATIENT, signal.SIGKILL)

    def test_ctrl_c_ends_a_caller_that_does_not_catch_it(self):
        self.kill_in_each('hard,' + PATIENT, signal.SIGINT,
                          prepare='signal.signal(signal.SIGINT, signal.SIG_DFL)')

    def test_a_kill_that_follows_a_caught_signal_is_seen(self):
        mount = self.mounted(options='hard,' + PATIENT)
        with self.caller('signal.signal(signal.SIGALRM, lambda *_: None)\nready()\n'
                         'os.mkdir(sys.argv[1])', mount.path / 'd') as process, self.stopped():
            self.begin(process)
            self.await_blocked(process)
            process.send_signal(signal.SIGALRM)
            # The kernel tells of the first signal only.
            wait_until(lambda: self.signals_pending(process.pid), 'the signal is pending')
            process.kill()
            self.assertEqual(process.wait(timeout=PROMPT_SECONDS), -signal.SIGKILL)
        mount.end()

    @staticmethod
    def signals_pending(pid):
        with open(f'/proc/{pid}/status', encoding='ascii') as status:
            lines = dict(line.split(':', 1) for line in status)
        return int(lines['ShdPnd'], 16) | int(lines['SigPnd'], 16)

    def test_a_caller_with_unsaved_content_is_killed_and_its_content_is_stored_later(self):
        for options in (PATIENT, 'hard,' + PATIENT):
            with self.subTest(options=options):
                mount = self.mounted(options=options)
                with self.caller('f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n'
                                 'os.write(f, b"unsaved")\nready()\nsignal.pause()',
                                 mount.path / 'f') as process:
                    with self.stopped():
                        process.kill()
                        self.assertEqual(process.wait(timeout=PROMPT_SECONDS), -signal.SIGKILL)
                mount.end()
                mount.start()
                self.assertEqual((mount.path / 'f').read_bytes(), b'unsaved')
                (mount.path / 'f').unlink()
                mount.end()

    def test_a_process_that_exits_by_itself_waits_until_its_content_is_stored(self):
        for name, options in (('soft', PATIENT), ('hard', 'hard,' + PATIENT)):
            with self.subTest(name):
                mount = self.mounted(name=name, options=options)
                # Written when the node has stopped: nothing can be stored before the exit.
                with self.caller('f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n'
                                 'ready()\nos.write(f, b"saved")\nos._exit(3)',
                                 mount.path / 'f') as process:
                    with self.stopped():
                        self.begin(process)
                        # Longer than who was killed is kept.
                        with self.assertRaises(subprocess.TimeoutExpired):
                            process.wait(timeout=4)
                    self.assertEqual(process.wait(timeout=READY_SECONDS), 3)
                mount.kill()
                mount.start()
                self.assertEqual((mount.path / 'f').read_bytes(), b'saved')
                (mount.path / 'f').unlink()
                mount.end()

    def test_more_callers_than_requests_are_read_can_be_killed(self):
        mount = self.mounted(options='hard,' + PATIENT)
        with self.crowd(mount) as process:
            process.kill()
            process.wait(timeout=4 * PROMPT_SECONDS)
        mount.end()


@needs_root
class InterruptedCalls(WaitTest):
    CATCH = 'signal.signal(signal.SIGALRM, lambda *_: None)\n'

    def test_a_caught_signal_ends_a_call_of_a_soft_mount_once(self):
        mount = self.mounted(options=PATIENT)
        (mount.path / 'f').touch()
        # An exit would wait for the content of its files.
        for code in ('ready()\nprint(call("mkdir", sys.argv[1] + "/d", 0o755), flush=True)',
                     'f = os.open(sys.argv[1] + "/f", os.O_WRONLY)\nos.write(f, b"x")\nready()\n'
                     'print(call("fsync", f), flush=True)'):
            with self.caller(self.CATCH + code, mount.path) as process:
                with self.stopped():
                    self.begin(process)
                    self.await_blocked(process)
                    process.send_signal(signal.SIGALRM)
                    self.assertEqual(process.stdout.readline(), f'{errno.EINTR}\n')
                self.assertEqual(process.wait(timeout=READY_SECONDS), 0)
        # Whether the directory is there nobody has said; there is one at most, and it works.
        (mount.path / 'd').mkdir(exist_ok=True)
        self.assertEqual(sorted(os.listdir(mount.path)), ['d', 'f'])
        self.assertEqual((mount.path / 'f').read_bytes(), b'x')
        mount.end()

    def test_a_caught_signal_does_not_end_a_call_of_a_hard_mount(self):
        mount = self.mounted(options='hard,op_timeout=0.2')
        code = self.CATCH + 'ready()\nsys.exit(call("mkdir", sys.argv[1], 0o755))'
        with self.caller(code, mount.path / 'd') as process:
            with self.stopped():
                self.begin(process)
                self.await_blocked(process)
                process.send_signal(signal.SIGALRM)
                wait_until(lambda: 'does not answer, still trying' in mount.said(),
                           'an attempt has gone unanswered')
                self.assertIsNone(process.poll())
            self.assertEqual(process.wait(timeout=READY_SECONDS), 0)
        self.assertEqual(os.listdir(mount.path), ['d'])
        wait_until(lambda: 'answers again' in mount.said(), 'the log says that it is over')
        mount.end()

    STORM = r'''
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, RESTART)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
p = sys.argv[1]
ready()
failed = set()
def must(name, *arguments):
    number = call(name, *arguments)
    if number: failed.add((name, os.strerror(number)))
for round in range(ROUNDS):
    a, b, d = p + f'/a{round}', p + f'/b{round}', p + f'/d{round}'
    must('mknod', a, 0o100644, ctypes.c_ulong(0))
    must('link', a, p + '/linked')
    must('mkdir', d, 0o755)
    must('rename', a, b)
    must('rename', b, d + '/b')
    must('chmod', d + '/b', 0o600)
    must('unlink', p + '/linked')
    must('unlink', d + '/b')
    must('rmdir', d)
    must('symlink', 'target', a)
    must('unlink', a)
signal.setitimer(signal.ITIMER_REAL, 0)
print(sorted(failed))
'''

    def storm(self, mount, rounds, restart):
        code = self.STORM.replace('ROUNDS', str(rounds)).replace('RESTART', str(restart))
        with self.caller(code, mount.path) as process:
            self.begin(process)
            self.assertEqual(process.stdout.readline(), '[]\n')
            self.assertEqual(process.wait(timeout=READY_SECONDS), 0)
        self.assertEqual(os.listdir(mount.path), [])

    def test_a_timer_of_a_millisecond_fails_nothing(self):
        mount = self.mounted()
        self.storm(mount, 200, restart=False)
        self.storm(mount, 100, restart=True)
        mount.end()

    def test_nor_when_the_node_pauses_for_less_than_the_grace(self):
        mount = self.mounted()
        stop = threading.Event()

        def pause():
            while not stop.is_set():
                self.kvnode.freeze()
                stop.wait(0.3)
                self.kvnode.send(signal.SIGCONT)
                stop.wait(0.3)
        thread = threading.Thread(target=pause)
        thread.start()
        try:
            self.storm(mount, 60, restart=True)
        finally:
            stop.set()
            thread.join()
            self.go_on()
        mount.end()


@needs_root
class Patience(WaitTest):
    def test_a_soft_mount_gives_up_after_op_timeout(self):
        mount = self.mounted(options='soft,op_timeout=0.5,attr_timeout=0,entry_timeout=0')
        (mount.path / 'f').touch()
        with self.stopped():
            self.assert_errno(errno.ETIMEDOUT, os.stat, mount.path / 'f')
            self.assert_errno(errno.ETIMEDOUT, os.mkdir, mount.path / 'd')
        self.assertTrue((mount.path / 'f').exists())
        mount.end()

    def test_a_hard_mount_outlasts_a_node_that_is_gone(self):
        mount = self.mounted(options='hard,op_timeout=0.2')
        self.kvnode.kill()
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(os.mkdir(mount.path / 'd')))
        thread.start()
        wait_until(lambda: 'does not answer, still trying' in mount.said(), 'it is tried for long')
        self.assertEqual(outcome, [])
        self.kvnode.start()
        thread.join(READY_SECONDS)
        self.assertEqual(outcome, [None])
        self.assertEqual(os.listdir(mount.path), ['d'])
        mount.end()

    def test_what_a_hard_mount_has_sent_many_times_is_applied_once(self):
        mount = self.mounted(options='hard,op_timeout=0.1')
        outcomes = []

        def make(number):
            outcomes.append(os.mkdir(mount.path / f'd{number}'))
            os.rename(mount.path / f'd{number}', mount.path / f'e{number}')
        threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
        with self.stopped():
            for thread in threads:
                thread.start()
            wait_until(lambda: 'does not answer' in mount.said(), 'an attempt has gone unanswered')
        for thread in threads:
            thread.join(READY_SECONDS)
        self.assertEqual(outcomes, [None] * 8)
        self.assertEqual(sorted(os.listdir(mount.path)), [f'e{number}' for number in range(8)])
        mount.end()

    def test_a_hard_mount_without_its_node_can_be_ended(self):
        mount = self.mounted(options='hard,op_timeout=1')
        thread = None
        with self.stopped():
            def fail():
                with contextlib.suppress(OSError):
                    os.mkdir(mount.path / 'd')
            thread = threading.Thread(target=fail)
            thread.start()
            wait_until(lambda: 'does not answer' in mount.said(), 'a request is under way')
            mount.process.send_signal(signal.SIGTERM)
            mount.process.wait(timeout=READY_SECONDS)
            mount.process = None
        thread.join(READY_SECONDS)
        self.assertFalse(thread.is_alive())

    def test_a_hard_mount_with_more_callers_than_it_reads_can_be_ended(self):
        mount = self.mounted(options='hard,op_timeout=1')
        with self.crowd(mount) as process:
            mount.process.send_signal(signal.SIGTERM)
            mount.process.wait(timeout=READY_SECONDS)
            mount.process = None
            process.wait(timeout=PROMPT_SECONDS)

    def test_what_cannot_be_stored_at_the_end_is_told(self):
        mount = self.mounted(options='op_timeout=1')
        file = os.open(mount.path / 'lost', os.O_CREAT | os.O_WRONLY)
        os.write(file, b'content')
        with self.stopped():
            mount.process.send_signal(signal.SIGTERM)
            self.assertEqual(mount.process.wait(timeout=READY_SECONDS), 1)
            mount.process = None
        self.assert_errno(errno.ENOTCONN, os.close, file)
        self.assertRegex(mount.said(), 'changes of inode [0-9]+ lost are lost')

    def test_callers_can_be_killed_while_a_mount_ends(self):
        mount = self.mounted(options='hard,' + PATIENT)
        with self.caller('ready()\nos.mkdir(sys.argv[1])', mount.path / 'd') as process:
            with self.stopped():
                self.begin(process)
                self.await_blocked(process)
                mount.process.send_signal(signal.SIGTERM)
                wait_until(lambda: 'unmounting' in mount.said(), 'the mount ends')
                process.kill()
                self.assertEqual(process.wait(timeout=PROMPT_SECONDS), -signal.SIGKILL)
                # Nothing else was waited for.
                mount.process.wait(timeout=PROMPT_SECONDS)
                mount.process = None


if __name__ == '__main__':
    main()
