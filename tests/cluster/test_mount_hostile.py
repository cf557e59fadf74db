# SPDX-License-Identifier: Apache-2.0
#
# A node that lies, seen from a mount: every lie is EIO for the operation that met it, the mount
# goes on, and without the lie everything is as it was.
"""Mounts of a node that answers nonsense."""

import contextlib
import errno
import os
import struct
import subprocess
import sys
import threading

from harness import ROOT, main, wait_until
from mount_harness import ClusterMount, MountTest

sys.path.insert(0, os.environ.get('METARING_PYTHON', str(ROOT / 'build/release/python')))
# pylint: disable=wrong-import-position
from metaring.wire.kv import ttypes  # noqa: E402
from metaring.wire.records.ttypes import DirectoryRecord, EntryRecord, InodeRecord  # noqa: E402
from lying_node import LyingNode  # noqa: E402
from scripted_node import Close, refusal, reply_frame  # noqa: E402
from thrift.protocol.TCompactProtocol import TCompactProtocol  # noqa: E402
from thrift.transport.TTransport import TMemoryBuffer  # noqa: E402

S_IFREG, S_IFDIR, S_IFLNK = 0o100000, 0o040000, 0o120000
READS = ('get', 'multi_get', 'scan')


def encoded(record):
    buffer = TMemoryBuffer()
    record.write(TCompactProtocol(buffer))
    return buffer.getvalue()


def decoded(kind, raw):
    record = kind()
    record.read(TCompactProtocol(TMemoryBuffer(raw)))
    return record


def items_of(reply):
    """(key or None, Record) of all records in an answer to a read."""
    if isinstance(reply, ttypes.GetReply):
        return [(None, reply.record)] if reply.record else []
    if isinstance(reply, ttypes.MultiGetReply):
        return [(None, each.record) for each in reply.records or [] if each.record]
    if isinstance(reply, ttypes.ScanReply):
        return [(item.key, item.record) for item in reply.items or [] if item.record]
    return []


class LyingMount(ClusterMount):
    """Of a volume that a LyingNode stands in front of."""

    def __init__(self, liar, kvnode, path, options=''):
        super().__init__(kvnode, path, options=options)
        self.liar = liar

    @property
    def source(self):
        return f'{self.liar.address}/{self.volume}'


class HostileTest(MountTest):
    def setUp(self):
        super().setUp()
        self.liar = LyingNode(self.kvnode)
        self.addCleanup(self.liar.close)
        # Nothing is cached, so that each operation meets the node.
        self.volume = LyingMount(self.liar, self.kvnode, self.directory / 'mnt',
                                 options='op_timeout=5,attr_timeout=0,entry_timeout=0,noatime')
        self.mounts.append(self.volume)
        self.addCleanup(self.volume.destroy)
        self.volume.start()
        self.path = self.volume.path
        (self.path / 'd' / 'inner').mkdir(parents=True)
        (self.path / 'd' / 'small').write_text('small')
        (self.path / 'd' / 'large').write_bytes(b'l' * 300_000)
        os.symlink('small', self.path / 'd' / 'link')
        os.setxattr(self.path / 'd' / 'small', 'user.x', b'x' * 9000)
        self.listing = sorted(os.listdir(self.path / 'd'))

    def tearDown(self):
        self.liar.lie = None
        super().tearDown()

    @contextlib.contextmanager
    def lying(self, lie):
        self.liar.lie = lie
        try:
            yield
        finally:
            self.liar.lie = None

    def replacing(self, change):
        """A lie: each record of reads is `change`(key or None, its value), unless that is None."""
        def lie(method, _, reply):
            if method not in READS:
                return None
            for key, record in items_of(reply):
                value = change(key, record.value)
                if value is not None:
                    record.value, record.codec = value, None
            return reply
        return lie

    def everything(self):
        """What does a little of all; the errors by name."""
        small, large, link = (str(self.path / 'd' / name) for name in ('small', 'large', 'link'))

        def read(path):
            with open(path, 'rb') as file:
                return file.read()
        errors = {}
        for name, action in {
                'stat': lambda: os.stat(small), 'read small': lambda: read(small),
                'read large': lambda: read(large), 'list': lambda: os.listdir(self.path / 'd'),
                'scandir': lambda: [each.stat() for each in os.scandir(self.path / 'd')],
                'readlink': lambda: os.readlink(link), 'list xattrs': lambda: os.listxattr(small),
                'get xattr': lambda: os.getxattr(small, 'user.x'),
                'statfs': lambda: os.statvfs(self.path)}.items():
            try:
                action()
            except OSError as error:
                errors[name] = errno.errorcode[error.errno]
        return errors

    def assert_unharmed(self):
        self.assertIsNone(self.volume.process.poll(), self.volume.said())
        self.assertEqual(self.everything(), {})
        self.assertEqual((self.path / 'd' / 'small').read_text(), 'small')
        self.assertEqual((self.path / 'd' / 'large').read_bytes(), b'l' * 300_000)
        self.assertEqual(os.readlink(self.path / 'd' / 'link'), 'small')
        self.assertEqual(os.getxattr(self.path / 'd' / 'small', 'user.x'), b'x' * 9000)
        self.assertEqual(sorted(os.listdir(self.path / 'd')), self.listing)

    def assert_stat_fails(self):
        with self.assertRaises(OSError) as caught:
            os.stat(self.path / 'd' / 'small')
        self.assertIn(caught.exception.errno, (errno.EIO, errno.ETIMEDOUT))

    def assert_eio(self, lie, action):
        with self.lying(lie):
            self.assert_errno(errno.EIO, action)
        self.assert_unharmed()


class WrongRecords(HostileTest):
    def changed(self, **fields):
        """A lie: the inodes of files have these fields."""
        def change(_, raw):
            try:
                entry = decoded(EntryRecord, raw)
            except Exception:  # pylint: disable=broad-except
                return None
            if not entry.inode or entry.inode.mode is None:
                return None
            for name, value in fields.items():
                setattr(entry.inode, name, value)
            return encoded(entry)
        return self.replacing(change)

    def test_an_inode_with_an_impossible_field_is_eio(self):
        for fields in ({'ino': 0}, {'ino': -5}, {'ino': 1}, {'mode': 0}, {'mode': 0o7777777},
                       {'mode': S_IFDIR | 0o755}, {'size': -1}, {'size': 1 << 62},
                       {'nlink': -1}, {'nlink': 1 << 30}, {'bytes_allocated': (1 << 63) - 1},
                       {'bytes_allocated': -1}, {'mtime_seconds': 0, 'mtime_nanos': -1},
                       {'preallocated_blocks_end': 1 << 62}, {'symlink_target': b'x' * 5000},
                       {'xattrs': {'': b'x'}},
                       {'xattrs': {'user.a\0b': b'x'}}, {'xattrs': {'user.' + 'n' * 300: b'x'}}):
            with self.subTest(**fields):
                self.assert_eio(self.changed(**fields),
                                lambda: os.stat(self.path / 'd' / 'small'))

    def test_a_link_whose_target_cannot_be_one_is_eio(self):
        for target in (b'', b'a\0b', b'x' * 4096):
            with self.subTest(target=target[:10]):
                self.assert_eio(self.changed(mode=S_IFLNK | 0o777, symlink_target=target),
                                lambda: os.readlink(self.path / 'd' / 'link'))

    def test_records_of_another_type_or_none_at_all_are_eio(self):
        for value in (b'', b'\0', b'\xff' * 100, b'x' * (1 << 20), encoded(InodeRecord(ino=7)),
                      encoded(DirectoryRecord(parent=1, name=b'x', mode=S_IFDIR)),
                      encoded(EntryRecord(ref_ino=0, ref_type=8)),
                      encoded(EntryRecord(ref_ino=1, ref_type=4)),
                      encoded(EntryRecord(ref_ino=7, ref_type=99)), encoded(EntryRecord())):
            with self.subTest(value=value[:10]):
                with self.lying(self.replacing(lambda *_, v=value: v)):
                    self.assertEqual(self.everything()['stat'], 'EIO')
                self.assert_unharmed()

    def test_a_compressed_value_that_is_none_is_eio(self):
        def lie(method, _, reply):
            if method not in READS:
                return None
            for _, record in items_of(reply):
                record.codec = ttypes.Codec.ZSTD
            return reply
        self.assert_eio(lie, lambda: os.stat(self.path / 'd' / 'small'))

    def test_a_block_that_is_too_long_is_eio(self):
        lie = self.replacing(
            lambda _, raw: b'l' * (1 << 20) if raw and raw.count(b'l') == len(raw) else None)

        def read():
            with open(self.path / 'd' / 'large', 'rb') as file:
                os.pread(file.fileno(), 1000, 0)
        self.assert_eio(lie, read)

    def test_directories_that_are_their_own_ancestors_are_eio(self):
        ino = (self.path / 'd').stat().st_ino

        def change(_, raw):
            with contextlib.suppress(Exception):
                header = decoded(DirectoryRecord, raw)
                if header.parent is not None and header.name in (b'd', b'inner'):
                    header.parent = ino
                    return encoded(header)
            return None
        (self.path / 'other').mkdir()
        with self.lying(self.replacing(change)):
            with self.assertRaises(OSError) as caught:
                os.rename(self.path / 'other', self.path / 'd' / 'inner' / 'other')
            self.assertEqual(caught.exception.errno, errno.EIO)
        self.assert_unharmed()
        os.rmdir(self.path / 'other')

    def test_an_entry_that_leads_back_up_is_an_error_and_no_loop(self):
        ino = (self.path / 'd').stat().st_ino

        def change(_, raw):
            with contextlib.suppress(Exception):
                if decoded(EntryRecord, raw).ref_type == 4:
                    return encoded(EntryRecord(ref_ino=ino, ref_type=4))
            return None
        with self.lying(self.replacing(change)):
            found = sum(1 for _ in os.walk(self.path / 'd', onerror=lambda _: None))
            self.assertLess(found, 50)
        self.assert_unharmed()


class WrongListings(HostileTest):
    def renamed(self, change):
        """A lie: the keys of entries in a scan are `change`(key)."""
        def lie(method, _, reply):
            if method != 'scan' or not reply.items:
                return None
            for item in reply.items:
                if b'/e' in item.key:
                    item.key = change(item.key)
            return reply
        return lie

    def test_names_that_cannot_be_are_eio(self):
        for name in (b'..', b'.', b'', b'a/b', b'/etc/passwd', b'a\0b', b'n' * 256):
            with self.subTest(name=name[:20]):
                self.assert_eio(
                    self.renamed(lambda key, n=name: key[:key.index(b'/e') + 2 + 13] + n),
                    lambda: os.listdir(self.path / 'd'))

    def test_names_under_others_hashes_are_eio(self):
        for digits in (b'0' * 13, b'0' * 12 + b'3', b'f' + b'v' * 12, b'w' * 13):
            with self.subTest(digits=digits):
                self.assert_eio(
                    self.renamed(lambda key, d=digits:
                                 key[:key.index(b'/e') + 2] + d + key[key.index(b'/e') + 15:]),
                    lambda: os.listdir(self.path / 'd'))

    def test_keys_that_were_not_asked_for_are_eio(self):
        for key in (b'', b'/zzz/0/e', b'\xff', b'x' * 1000):
            with self.subTest(key=key[:10]):
                self.assert_eio(self.renamed(lambda _, k=key: k),
                                lambda: os.listdir(self.path / 'd'))

    def test_pages_that_never_end_are_eio(self):
        pages = {}

        def same_again(method, request, reply):
            if method != 'scan':
                return None
            if reply.items and not request.cursor:
                pages[request.start_key] = reply
            page = pages.get(request.start_key)
            if page:
                page.cursor = b'again' + bytes([len(self.liar.asked) % 256])
            return page

        def nothing_and_more(method, *_):
            return ttypes.ScanReply(items=[], cursor=b'more') if method == 'scan' else None

        for lie in (same_again, nothing_and_more):
            with self.subTest(lie=lie.__name__):
                self.assert_eio(lie, lambda: os.listxattr(self.path / 'd' / 'small'))
                self.assert_eio(lie, lambda: os.listdir(self.path / 'd'))


class WrongAnswers(HostileTest):
    def test_answers_that_make_no_sense_are_eio(self):
        huge = struct.pack('!bhbi', 15, 1, 12, 0x7fffffff)
        for name, method, answer in (
                ('an empty page', 'scan', ttypes.ScanReply(items=None, cursor=b'x')),
                ('a negative version', 'get', ttypes.GetReply(
                    record=ttypes.Record(value=b'', version=-1))),
                ('an unknown codec', 'get', ttypes.GetReply(
                    record=ttypes.Record(value=b'', version=1, codec=77))),
                ('another number of records', 'multi_get', ttypes.MultiGetReply(records=[])),
                ('an unknown code', 'get', refusal(12345, 'what')),
                ('a code of filesystems', 'get', refusal(5, 'not a directory')),
                ('an internal error', 'get', refusal(ttypes.ErrorCode.INTERNAL,
                                                     '\x1b[31mred\n' * 99))):
            with self.subTest(name):
                with self.lying(lambda asked, *_, m=method, a=answer: a if asked == m else None):
                    errors = self.everything()
                self.assertTrue(errors)
                self.assertLessEqual(set(errors.values()), {'EIO', 'ETIMEDOUT'})
                self.assert_unharmed()
        self.assertIn('red', self.volume.said())
        self.assertNotIn('\x1b', self.volume.said())
        for name, raw in {'garbage': b'\xff' * 64, 'a huge frame': b'\x7f\xff\xff\xff',
                          'an HTTP answer': b'HTTP/1.0 400 Bad Request\r\n\r\n',
                          'a list of 2^31 records': reply_frame('get', huge)}.items():
            with self.subTest(name):
                with self.lying(lambda method, *_, r=raw: r if method in READS else None):
                    self.assert_stat_fails()
                wait_until(lambda: not self.everything(), 'the mount has connected again')
                self.assert_unharmed()

    def test_connections_that_break_at_each_answer_are_an_error(self):
        def lie(method, *_):
            if method in READS:
                raise Close
        with self.lying(lie):
            self.assert_stat_fails()
        wait_until(lambda: not self.everything(), 'the mount has connected again')
        self.assert_unharmed()

    def test_writes_with_nonsense_for_an_answer_are_eio(self):
        for name, reply in {
                'a compare that was not sent': ttypes.TransactReply(succeeded=False,
                                                                    failed_compare=4711),
                'a negative compare': ttypes.TransactReply(succeeded=False, failed_compare=-1),
                'reads that were not asked for': ttypes.TransactReply(
                    succeeded=False, failed_compare=0, reads=[ttypes.MaybeRecord()] * 9)}.items():
            with self.subTest(name):
                with self.lying(lambda method, *_, r=reply: r if method == 'transact' else None):
                    self.assert_errno(errno.EIO, os.mkdir, self.path / 'd' / name)
                # It was done; the mount has not been told.
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(self.path / 'd' / name)
                self.assert_unharmed()


class HeldAnswers(HostileTest):
    """The node has done what it was asked, and the caller is killed before it says so."""

    def kill_in(self, code):
        reached, go_on = threading.Event(), threading.Event()
        transacts = []

        def hold(method, request, _):
            if method == 'transact':
                transacts.append(request)
                reached.set()
                go_on.wait()
        self.addCleanup(go_on.set)
        with subprocess.Popen([sys.executable, '-c', 'import os, sys\np = sys.argv[1]\n' + code,
                               str(self.path)]) as process:
            self.liar.lie = hold
            self.assertTrue(reached.wait(60))
            process.kill()
            process.wait(60)
        self.liar.lie = None
        go_on.set()
        self.assertEqual(len(transacts), 1)

    def assert_made(self, *names):
        self.assertEqual(set(os.listdir(self.path)) - self.before, set(names))

    def setUp(self):
        super().setUp()
        self.before = set(os.listdir(self.path))

    @contextlib.contextmanager
    def opened(self):
        file = os.open(self.path / 'old', os.O_CREAT | os.O_RDWR)
        try:
            os.fsync(file)
            os.write(file, b'pending')
            yield file
        finally:
            os.close(file)

    def test_what_is_written_to_a_renamed_file_is_stored(self):
        with self.opened() as file:
            self.kill_in('os.rename(p + "/old", p + "/new")')
            os.fsync(file)
        self.assert_made('new')
        self.assertEqual((self.path / 'new').read_bytes(), b'pending')
        (self.path / 'new').write_bytes(b'again')

    def test_an_unlinked_file_that_is_open_goes_on(self):
        with self.opened() as file:
            self.kill_in('os.unlink(p + "/old")')
            os.fsync(file)
            self.assert_made()
            self.assertEqual(os.fstat(file).st_nlink, 0)
            self.assertEqual(os.pread(file, 100, 0), b'pending')

    def test_a_directory_that_was_made_works(self):
        self.kill_in('os.mkdir(p + "/made")')
        (self.path / 'made' / 'file').write_bytes(b'content')
        self.assert_made('made')


if __name__ == '__main__':
    main()
