# SPDX-License-Identifier: Apache-2.0
"""The parts of the Python client that decide: retries, request ids, keys, addresses, limits."""

import pathlib
import re
import tempfile
import unittest

import metaring
from metaring import volume_keys as keys
from metaring.config import parse_endpoint, parse_endpoints
from metaring.errors import (Busy, DeadlineExceeded, FormatMismatch, InvalidArgument, NotFound,
                             PermissionDenied, TooBig, Unavailable, UnknownOutcome, Unsupported)
from metaring.node_set import greeting_refused
from metaring.protocol import DecodeError, decode_record, encode_record
from metaring.request_ids import LANES_MAX, OUTCOMES_PER_CLIENT_MAX, RequestIds
from metaring.retry import BACKOFF_SECONDS_MAX, AttemptFailed, Repeatable, Retry
from metaring.wire.kv import ttypes as kv
from metaring.wire.records import ttypes as records

ROOT = pathlib.Path(__file__).resolve().parents[4]


def retry(repeatable, deadline=30.0):
    return Retry(repeatable, 0.0, deadline)


def at(node, error):
    failure = AttemptFailed(error, elsewhere=True)
    failure.node = node
    return failure


NODES = ['a', 'b', 'c']
LOST = AttemptFailed(UnknownOutcome('lost'), maybe_done=True)
DOWN = at('a', Unavailable('down'))
FOREIGN = at('a', FormatMismatch('foreign'))


class RetryRule(unittest.TestCase):
    def test_the_next_node_is_asked_at_once_and_a_round_is_waited_for(self):
        one = retry(Repeatable.ALWAYS)
        self.assertEqual([one.wait_after(DOWN, 0, NODES[:3]) for _ in range(2)], [0.0, 0.0])
        self.assertGreater(one.wait_after(DOWN, 0, NODES[:3]), 0)

    def test_waits_double_up_to_a_bound(self):
        one, bound = retry(Repeatable.ALWAYS), 0.010
        for _ in range(12):
            wait = one.wait_after(DOWN, 0, NODES[:1])
            self.assertTrue(bound / 2 <= wait <= bound, (wait, bound))
            bound = min(bound * 2, BACKOFF_SECONDS_MAX)

    def test_a_hint_is_a_lower_bound(self):
        busy = AttemptFailed(Busy('busy', retry_after_ms=4000))
        self.assertTrue(4 <= retry(Repeatable.IF_NOT_BEGUN).wait_after(busy, 0, NODES[:1]) <= 5)

    def test_what_cannot_end_in_time_ends_now(self):
        with self.assertRaisesRegex(Unavailable, 'given up after 1 attempts in 30000 ms'):
            retry(Repeatable.ALWAYS).wait_after(DOWN, 29.9995, NODES[:1])

    def test_a_lost_answer(self):
        for repeatable in (Repeatable.ALWAYS, Repeatable.UNDER_ONE_ID):
            retry(repeatable).wait_after(LOST, 0, NODES[:1])
        with self.assertRaises(UnknownOutcome):
            retry(Repeatable.IF_NOT_BEGUN).wait_after(LOST, 0, NODES[:1])

    def test_an_unknown_outcome_stays_unknown(self):
        one = retry(Repeatable.UNDER_ONE_ID)
        one.wait_after(LOST, 0, NODES[:1])
        with self.assertRaises(UnknownOutcome):
            one.wait_after(AttemptFailed(PermissionDenied('no')), 1, 1)
        self.assertIsInstance(one.final(InvalidArgument('wrong')), InvalidArgument)
        read = retry(Repeatable.ALWAYS)
        read.wait_after(LOST, 0, NODES[:1])
        self.assertIsInstance(read.final(UnknownOutcome('x')), Unavailable)

    def test_uncertain_writes_are_not_repeated_for_longer_than_outcomes_are_kept(self):
        one = retry(Repeatable.UNDER_ONE_ID, deadline=3600.0)
        one.wait_after(LOST, 299.0, NODES[:1])
        with self.assertRaises(UnknownOutcome):
            one.wait_after(LOST, 300.0, NODES[:1])
        retry(Repeatable.UNDER_ONE_ID, deadline=3600.0).wait_after(DOWN, 300.0, NODES[:1])

    def test_a_foreign_node_ends_it_only_when_all_are_foreign(self):
        one = retry(Repeatable.ALWAYS)
        self.assertEqual(one.wait_after(FOREIGN, 0, NODES[:2]), 0.0)
        with self.assertRaises(FormatMismatch):
            one.wait_after(at('b', FormatMismatch('foreign')), 0, NODES[:2])
        one = retry(Repeatable.ALWAYS)
        for _ in range(3):  # the other one may come back, in any round
            one.wait_after(at('b', Unavailable('down')), 0, NODES[:2])
            self.assertGreater(one.wait_after(FOREIGN, 0, NODES[:2]), 0)
        with self.assertRaisesRegex(Unavailable, 'down'):
            one.wait_after(FOREIGN, 30, NODES[:2])

    def test_a_node_that_broke_off_or_was_busy_is_not_foreign(self):
        broken = AttemptFailed(UnknownOutcome('broke'), elsewhere=True, maybe_done=True)
        broken.node = 'b'
        for first in (broken, at('b', Busy('busy'))):
            one = retry(Repeatable.ALWAYS)
            one.wait_after(first, 0, NODES[:2])
            one.wait_after(FOREIGN, 0, NODES[:2])

    def test_a_foreign_node_that_is_no_more_in_the_list_does_not_count(self):
        one = retry(Repeatable.ALWAYS)
        one.wait_after(FOREIGN, 0, ['a', 'b'])
        one.wait_after(at('b', FormatMismatch('foreign')), 0, ['b', 'c'])
        with self.assertRaises(FormatMismatch):
            one.wait_after(at('c', FormatMismatch('foreign')), 0, ['b', 'c'])

    def test_the_end_of_the_time_says_what_was_wrong_before(self):
        one = retry(Repeatable.ALWAYS)
        one.wait_after(DOWN, 0, NODES[:1])
        with self.assertRaisesRegex(DeadlineExceeded, 'late; before: down'):
            one.wait_after(AttemptFailed(DeadlineExceeded('late'), maybe_done=True), 1, NODES[:1])

    def test_a_refused_greeting_leaves_no_outcome_open(self):
        for error in (Busy('x'), PermissionDenied('x'), Unsupported('x'), FormatMismatch('x')):
            self.assertIs(greeting_refused(error), error)
        self.assertIsInstance(greeting_refused(InvalidArgument('x')), Unsupported)
        for error in (UnknownOutcome('x'), DeadlineExceeded('x'), TooBig('x'), NotFound('x')):
            self.assertIsInstance(greeting_refused(error), Unavailable)


class RequestIdLanes(unittest.TestCase):
    def test_sequences_and_the_lowest_that_has_not_ended(self):
        ids = RequestIds()
        with ids.one() as first:
            with ids.one() as second:
                self.assertEqual((second.sequence, second.lowest_outstanding), (2, 1))
            with ids.one() as third:
                self.assertEqual((third.sequence, third.lowest_outstanding), (3, 1))
        with ids.one() as fourth:
            self.assertEqual((fourth.sequence, fourth.lowest_outstanding), (4, 4))
        self.assertEqual(first.client, fourth.client)
        self.assertTrue(0 < first.client < 1 << 63)

    def test_one_slow_write_never_falls_out_of_what_nodes_remember(self):
        ids = RequestIds()
        slow = ids.one()
        held = slow.__enter__()
        for _ in range(3 * OUTCOMES_PER_CLIENT_MAX):
            with ids.one() as each:
                self.assertTrue(each.client != held.client
                                or each.sequence - held.sequence < OUTCOMES_PER_CLIENT_MAX)
        slow.__exit__(None, None, None)

    def test_bound(self):
        ids = RequestIds()
        all_of_them = [ids.one() for _ in range(LANES_MAX * OUTCOMES_PER_CLIENT_MAX)]
        for each in all_of_them:
            each.__enter__()
        with self.assertRaises(Busy):
            ids.one().__enter__()
        all_of_them[0].__exit__(None, None, None)
        with ids.one():
            pass


class Keys(unittest.TestCase):
    def test_worked_example_of_the_key_table(self):
        self.assertEqual(keys.entry_prefix(1) + b'0000000000006' + b'a', b'/1/0/e0000000000006a')
        self.assertEqual(keys.header(1), b'/1/0/h')
        self.assertEqual(keys.counter(32, keys.CHANGED), b'/10/0/hm')
        self.assertEqual(keys.own_inode((1 << 64) - 1), b'/fvvvvvvvvvvvv/0/i')

    def test_hashes_are_even_and_of_13_digits(self):
        for seed in (0, 1, (1 << 64) - 1):
            for name in (b'a', b'\xff' * 255, 'é'.encode()):
                key = keys.entry(7, seed, name)
                self.assertRegex(key[:19], rb'^/7/0/e[0-9a-f][0-9a-v]{12}$')
                self.assertEqual(int(key[6:19].decode(), 32) % 2, 0)
                self.assertEqual(keys.entry_name(7, key), name)

    def test_xattr_names_are_quoted(self):
        key = keys.large_xattr(1, 2, b'user.a/b%2f')
        self.assertEqual(key, b'/1/0/x0000000000002user.a%2fb%252f')
        prefix = keys.large_xattr_prefix(1, 2)
        self.assertEqual(keys.large_xattr_name(prefix, key), b'user.a/b%2f')


class Addresses(unittest.TestCase):
    def test_endpoints(self):
        self.assertEqual(parse_endpoint('node-a:7400'), ('node-a', 7400))
        self.assertEqual(parse_endpoint('[::1]:1'), ('::1', 1))
        self.assertEqual(str(parse_endpoint(('::1', 1))), '[::1]:1')
        self.assertEqual(parse_endpoints('a:1,b:2,a:1'), (('a', 1), ('b', 2)))
        for wrong in ('', 'a', 'a:', ':1', 'a:0', 'a:65536', 'a:-1', 'a: 1', '::1:1', 'a b:1',
                      'a/b:1', ('a', '1'), ('', 1), 'x' * 64 + ':1', 'é:1', 'a:٣'):
            with self.subTest(wrong=wrong), self.assertRaises(InvalidArgument):
                parse_endpoint(wrong)
        with self.assertRaises(InvalidArgument):
            parse_endpoints([])

    def test_paths_are_relative_to_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, 'kvctl.toml')
            file.write_text('endpoints = ["a:1"]\nca = "../ca.crt"\nkey = "/k"\n')
            config = metaring.load_config(file)
            self.assertEqual(config.ca, str(pathlib.Path(folder).parent / 'ca.crt'))
            self.assertEqual(config.key, '/k')
            self.assertEqual(config.deadline_ms, 30_000)
            with self.assertRaises(NotFound):
                metaring.load_config(folder)

    def test_plain_text_is_said_to_be_insecure(self):
        with self.assertLogs('metaring', 'WARNING') as said:
            metaring.Client('127.0.0.1:1', insecure_plain_text=True).close()
        self.assertIn('INSECURE', said.output[0])
        for options in ({'ca': 'x'}, {'insecure_plain_text': True, 'ca': 'x'}):
            with self.assertRaises(InvalidArgument):
                metaring.Client('127.0.0.1:1', **options)


class Errors(unittest.TestCase):
    def test_every_code_of_the_project_has_a_class_of_its_name(self):
        text = (ROOT / 'kvnode/base/outcome.h').read_text()
        enum = text[text.index('enum class ErrorCode'):]
        names = re.findall(r'^  k(\w+)(?: = 1)?,', enum[:enum.index('};')], re.M)
        self.assertEqual(len(names), len(metaring.ErrorCode))
        for number, name in enumerate(names, 1):
            self.assertEqual(getattr(metaring, name).code, number)

    def test_wire_codes_have_the_same_numbers(self):
        for name, number in kv.ErrorCode._NAMES_TO_VALUES.items():
            self.assertEqual(metaring.ErrorCode[name], number)

    def test_enums_are_those_of_the_wire(self):
        for name in ('Health', 'Mode', 'WriteAck', 'Placement', 'Compression', 'Access'):
            ours = {each.name: each.value for each in getattr(metaring, name)}
            self.assertEqual(ours, getattr(kv, name)._NAMES_TO_VALUES)


class Records(unittest.TestCase):
    def test_names_of_xattrs_need_not_be_utf_8(self):
        record = records.InodeRecord(ino=5, in_blocks=True, xattrs={'user.\udcff': b'\xff'})
        raw = encode_record(record)
        self.assertIn(b'user.\xff', raw)
        self.assertEqual(decode_record(raw, records.InodeRecord()), record)

    def test_every_damaged_record_is_told(self):
        raw = encode_record(records.EntryRecord(inode=records.InodeRecord(
            ino=5, mode=0o100644, xattrs={'user.a': b'value'}, symlink_target=b'x')))
        decode_record(raw, records.EntryRecord())
        for end in range(len(raw)):
            with self.assertRaises(DecodeError):
                decode_record(raw[:end], records.EntryRecord())
        with self.assertRaises(DecodeError):
            decode_record(raw + b'\0', records.EntryRecord())
        for at in range(len(raw)):
            for byte in (0, 0x1f, 0x7f, 0xff):
                try:
                    decode_record(raw[:at] + bytes([byte]) + raw[at + 1:], records.EntryRecord())
                except DecodeError:
                    pass  # anything else fails the test


if __name__ == '__main__':
    unittest.main()
