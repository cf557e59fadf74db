#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The rules themselves are tested: each has an example that it finds and one that it leaves alone.
"""Tests of the lint rules."""

import pathlib
import tempfile
import unittest

import cpp
import edges
import sizes
import text
import tidy
import wire
from tree import File

HEAD = '// SPDX-License-Identifier: Apache-2.0\n//\n// Says what it is.\n'


def lines_of(source):
    return {function.name: function.lines for function in cpp.functions(source)}


class Functions(unittest.TestCase):
    def test_counts_from_brace_to_brace(self):
        self.assertEqual(lines_of('int F(int a,\n      int b) {\n  return a;\n}\n'), {'F': 3})

    def test_finds_members_and_names_them(self):
        source = ('namespace a {\nclass B : public C<int()> {\n public:\n'
                  '  int D() const { return 1; }\n};\n}')
        self.assertEqual(lines_of(source), {'D': 1})
        self.assertEqual(lines_of('Status A::B::Do(int x) {\n}'), {'A::B::Do': 2})

    def test_constructor_with_braced_initializers(self):
        source = 'A::A(int x) noexcept : a_{x}, b_(2) {\n  Do();\n}\nint G() {\n}'
        self.assertEqual(lines_of(source), {'A::A': 3, 'G': 2})

    def test_initializers_are_not_functions(self):
        source = 'const int kA[] = {\n1, 2};\nFoo kB = Make({\n1});\nint c{Make(3)};\nint F() {}\n'
        self.assertEqual(lines_of(source), {'F': 1})

    def test_annotated_classes_are_scopes(self):
        source = 'class CAPABILITY("mutex") M {\n  void Lock() ACQUIRE() { a(); }\n};'
        self.assertEqual(lines_of(source), {'Lock': 1})

    def test_braces_in_literals_and_comments_do_not_count(self):
        source = 'int F() {  // {\n  return "{"[0] + \'{\' + R"({{)"[0];  /* { */\n}\nint G() {}'
        self.assertEqual(lines_of(source), {'F': 3, 'G': 1})

    def test_digit_separators_are_not_characters(self):
        self.assertEqual(lines_of("int F() { return 1'000'000; }\nint G() {}"), {'F': 1, 'G': 1})

    def test_gtest_cases_have_their_own_names(self):
        self.assertEqual(lines_of('TEST(Log, Opens) {\n}'), {'Log.Opens': 2})

    def test_trailing_return_types(self):
        self.assertEqual(lines_of('auto F() -> std::vector<int> {\n}'), {'F': 2})


def rules_hit(check, *files):
    return [finding.message for finding in check(list(files))]


class Edges(unittest.TestCase):
    def check(self, path, body, *others):
        return rules_hit(edges.check, File(path, body),
                         *(File(other, '') for other in others))

    def test_an_edge_that_is_not_in_the_table(self):
        hit = self.check('kvnode/store/a.cc', '#include "kvnode/log/log.h"\n')
        self.assertEqual(hit, ['kvnode/store may not include kvnode/log/log.h'])

    def test_edges_of_the_table_and_to_itself(self):
        body = '#include "kvnode/store/store.h"\n#include "kvnode/base/bytes.h"\n'
        self.assertEqual(self.check('kvnode/state/a.cc', body), [])

    def test_one_header_of_a_folder_is_not_the_folder(self):
        good = self.check('fusefs/ops/a.cc', '#include "kvnode/client/kv.h"\n',
                          'kvnode/client/kv.h')
        bad = self.check('fusefs/ops/a.cc', '#include "kvnode/client/embedded.h"\n')
        self.assertEqual((good, len(bad)), ([], 1))

    def test_libraries_have_their_places(self):
        self.assertEqual(len(self.check('fusefs/ops/a.cc', '#include <fuse_lowlevel.h>\n')), 1)
        self.assertEqual(self.check('fusefs/mount/a.cc', '#include <fuse_lowlevel.h>\n'), [])

    def test_lmdb_has_one_includer(self):
        hit = rules_hit(edges.check, File('kvnode/store/a.cc', '#include <lmdb.h>\n'),
                        File('kvnode/store/b.cc', '#include <lmdb.h>\n'))
        self.assertEqual(hit, ['kvnode/store/a.cc includes lmdb.h already'])

    def test_own_header_first(self):
        body = '#include <string>\n#include "kvnode/log/a.h"\n'
        self.assertEqual(len(self.check('kvnode/log/a.cc', body, 'kvnode/log/a.h')), 1)
        body = '#include "kvnode/log/a.h"\n#include <string>\n'
        self.assertEqual(self.check('kvnode/log/a.cc', body, 'kvnode/log/a.h'), [])

    def test_folders_that_include_each_other(self):
        hit = rules_hit(edges.check,
                        File('kvnode/state/a.cc', '#include "kvnode/store/s.h"\n'),
                        File('kvnode/store/b.cc', '#include "kvnode/state/c.h"\n'))
        self.assertIn('kvnode/state and kvnode/store include each other', hit)


class Sizes(unittest.TestCase):
    def check(self, path, body):
        return rules_hit(sizes.check, File(path, body))

    def test_long_files_want_a_reason_and_very_long_ones_fail(self):
        self.assertEqual(self.check('a.cc', '\n' * 600), [])
        self.assertEqual(len(self.check('a.cc', '\n' * 601)), 1)
        self.assertEqual(self.check('a.cc', '// Why so long: a table.\n' + '\n' * 601), [])
        self.assertEqual(len(self.check('a.cc', '// Why so long: a table.\n' + '\n' * 1000)), 1)

    def test_functions(self):
        self.assertEqual(self.check('a.cc', 'void F() {' + '\n' * 69 + '}\n'), [])
        self.assertEqual(len(self.check('a.cc', 'void F() {' + '\n' * 70 + '}\n')), 1)
        self.assertEqual(len(self.check('a.py', 'def f():\n' + '  a = 1\n' * 70)), 1)

    def test_columns(self):
        self.assertEqual(self.check('a.cc', 'x' * 100), [])
        self.assertEqual(len(self.check('a.cc', 'x' * 101)), 1)

    def test_readmes_of_folders_are_one_page(self):
        self.assertEqual(len(self.check('kvnode/log/README.md', 'x\n' * 61)), 1)
        self.assertEqual(self.check('README.md', 'x\n' * 61), [])


class Text(unittest.TestCase):
    def hits(self, path, body):
        files = [File(path, body), File(path.rpartition('/')[0] + '/README.md', '')]
        return rules_hit(text.check, *files)

    def test_a_good_file(self):
        self.assertEqual(self.hits('kvnode/log/a.cc', HEAD), [])

    def test_licence_and_head(self):
        self.assertEqual(len(self.hits('kvnode/log/a.cc', '//\n// What it is.\n')), 1)
        guarded = '#ifndef METARING_KVNODE_LOG_A_H_\n#define METARING_KVNODE_LOG_A_H_\n#endif\n'
        self.assertEqual(self.hits('kvnode/log/a.h', HEAD + guarded), [])
        licence = HEAD.splitlines()[0] + '\n'
        self.assertEqual(len(self.hits('kvnode/log/a.h', licence + guarded)), 1)

    def test_guard(self):
        good = HEAD + '#ifndef METARING_KVNODE_LOG_A_H_\n#define METARING_KVNODE_LOG_A_H_\n#endif\n'
        self.assertEqual(len(self.hits('kvnode/log/a.h', good.replace('_LOG', ''))), 1)

    def test_words_that_say_nothing(self):
        self.assertEqual(len(self.hits('kvnode/log/log_util.cc', HEAD)), 1)
        self.assertEqual(len(self.hits('kvnode/log/a.cc', HEAD + 'class LogManager {};\n')), 1)
        self.assertEqual(self.hits('kvnode/log/a.cc', HEAD + 'class Commonly {};\n'), [])

    def test_todo_with_a_date_and_a_reason(self):
        self.assertEqual(len(self.hits('kvnode/log/a.cc', HEAD + '// TODO: later\n')), 1)
        dated = HEAD + '// TODO(2026-11-21): when the kernel has it\n'
        self.assertEqual(self.hits('kvnode/log/a.cc', dated), [])

    def test_folders_with_code_have_a_readme(self):
        hit = rules_hit(text.check, File('kvnode/log/a.cc', HEAD))
        self.assertEqual(hit, ['kvnode/log has no README.md'])

    def test_links_lead_somewhere(self):
        readme = File('kvnode/README.md', 'See [the log](log/README.md) and [x](gone.md).\n')
        hit = rules_hit(text.check, readme, File('kvnode/log/README.md', ''))
        self.assertEqual(hit, ['the link to gone.md leads nowhere'])

    def test_quickstart_builds_what_the_readme_runs(self):
        readme = File('README.md', 'kvnode is a daemon.\n\n    kvctl get\n    import metaring\n')
        script = File('packaging/quickstart.sh', 'cmake --build --target kvctl fusefs\n')
        self.assertEqual(rules_hit(text.check_quickstart, readme, script),
                         ['README.md uses python_client, which is not built here'])


class Wire(unittest.TestCase):
    RELEASED = (
        'const i32 PROTOCOL_VERSION = 1\n'
        'enum Kind {\n  PUT = 1,\n  ADD = 2,\n}\n'
        'struct A {\n  1: optional i64 version\n  2: optional string key\n}\n'
        'exception E {\n  1: optional string message\n}\n'
        'service S {\n  A get(1: A request) throws (1: E error)\n}\n')

    def hits(self, *replaced):
        """What the rule says when each pair's first text has become its second."""
        now = self.RELEASED
        for before, after in replaced:
            self.assertIn(before, now)
            now = now.replace(before, after)
        return rules_hit(wire.check, File('thrift/released/s.thrift', self.RELEASED),
                         File('thrift/s.thrift', now))

    def test_what_is_the_same_or_only_more(self):
        self.assertEqual(self.hits(), [])
        more = [('2: optional string key', '2: optional string key\n  3: optional A next'),
                ('ADD = 2,', 'ADD = 2,\n  MAX = 3,'),
                ('service S {', 'struct B {\n}\nservice S {\n  B ping(1: B request)'),
                ('PROTOCOL_VERSION = 1', 'PROTOCOL_VERSION = 2')]
        self.assertEqual(self.hits(*more), [])
        self.assertEqual(self.hits(('struct A', '// Nothing is required here.\nstruct A')), [])

    def test_a_field_that_is_gone_or_another(self):
        for before, after in (('  2: optional string key\n', ''),
                              ('1: optional i64 version', '1: optional i32 version'),
                              ('2: optional string key', '3: optional string key'),
                              ('1: optional i64 version', '1: required i64 version'),
                              ('2: optional string key',
                               '2: optional string key\n  3: required bool b'),
                              ('i64 version', 'i64 revision'),
                              ('i64 version', 'i64 version = 7')):
            self.assertNotEqual(self.hits((before, after)), [], after)

    def test_a_value_method_or_file_that_is_gone_or_another(self):
        for before, after in (('  ADD = 2,\n', ''), ('PUT = 1', 'PUT = 3'),
                              ('PUT = 1,\n  ADD = 2', 'ADD = 1,\n  PUT = 2'),
                              ('A get(', 'A fetch('), ('(1: A request)', '(2: A request)'),
                              (' throws (1: E error)', '')):
            self.assertNotEqual(self.hits((before, after)), [], after)
        gone = rules_hit(wire.check, File('thrift/released/s.thrift', self.RELEASED))
        self.assertEqual(gone, ['thrift/s.thrift was released and is gone'])

    def test_required_before_any_release(self):
        hit = rules_hit(wire.check, File('thrift/s.thrift', 'struct A {\n  1: required i64 a\n}\n'))
        self.assertEqual(len(hit), 1)

    def test_what_does_not_compile(self):
        self.assertEqual(len(self.hits(('struct A {', 'struct A [['))), 1)


class TidyFingerprints(unittest.TestCase):
    def fingerprint(self, header, *flags):
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, 'a.h').write_text(header)
            pathlib.Path(directory, 'a.cc').write_text('#include "a.h"\n')
            return tidy.fingerprint(['clang++', *flags, 'a.cc', '-M'], directory)

    def test_do_not_depend_on_the_directory(self):
        self.assertEqual(self.fingerprint('int a;\n'), self.fingerprint('int a;\n'))

    def test_change_with_all_that_has_findings(self):
        before = self.fingerprint('int a;\n')
        self.assertNotEqual(self.fingerprint('int b;\n'), before)
        self.assertNotEqual(self.fingerprint('int a;\n#define UNUSED(x) x + 1\n'), before)
        self.assertNotEqual(self.fingerprint('int a;  // NOLINT\n'), before)
        self.assertNotEqual(self.fingerprint('int a;\n', '-DNDEBUG'), before)

    def test_none_without_a_source_to_look_at(self):
        self.assertIsNone(self.fingerprint('#include "gone.h"\n'))


if __name__ == '__main__':
    unittest.main()
