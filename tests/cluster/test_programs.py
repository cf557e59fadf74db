# SPDX-License-Identifier: Apache-2.0
"""Programs that people run: sqlite, make and a C compiler, editors."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys

from harness import ClusterTest, main, needs, run

WRITER = '''
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=60)
for number in range(int(sys.argv[2])):
    with base:
        base.execute("insert into t(who, n) values (?, ?)", (sys.argv[3], number))
    print(number, flush=True)
'''


class Sqlite(ClusterTest):
    def make_base(self, mount, mode):
        path = mount.path / 'base.sqlite'
        base = sqlite3.connect(path)
        self.assertEqual(base.execute(f'pragma journal_mode={mode}').fetchone()[0], mode)
        base.execute('create table t(id integer primary key, who text, n int)')
        base.execute('create index i on t(who, n)')
        base.commit()
        base.close()
        return path

    def assert_sound(self, path, rows):
        base = sqlite3.connect(path)
        self.assertEqual(base.execute('pragma integrity_check').fetchall(), [('ok',)])
        self.assertGreaterEqual(base.execute('select count(*) from t').fetchone()[0], rows)
        base.close()

    def several_writers(self, mode):
        mount = self.mount()
        path = self.make_base(mount, mode)
        writers = [subprocess.Popen([sys.executable, '-c', WRITER, path, '40', str(who)],
                                    stdout=subprocess.DEVNULL) for who in range(3)]
        self.assertEqual([writer.wait(timeout=300) for writer in writers], [0, 0, 0])
        self.assert_sound(path, 120)
        base = sqlite3.connect(path)
        base.execute('delete from t where n % 2')
        base.commit()
        base.execute('vacuum')
        base.close()
        mount.remount()
        self.assert_sound(path, 60)

    def killed_while_writing(self, mode):
        mount = self.mount()
        path = self.make_base(mount, mode)
        with subprocess.Popen([sys.executable, '-c', WRITER, path, '100000', '1'],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
            for _ in range(50):
                acknowledged = int(writer.stdout.readline())
            mount.process.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
            acknowledged = int(rest[-1]) if rest else acknowledged
        mount.kill()
        mount.check()
        mount.start()
        self.assert_sound(path, acknowledged + 1)

    def test_rollback_journal(self):
        self.several_writers('delete')

    def test_write_ahead_log(self):
        self.several_writers('wal')

    def test_commits_survive_a_kill_with_rollback_journal(self):
        self.killed_while_writing('delete')

    def test_commits_survive_a_kill_with_write_ahead_log(self):
        self.killed_while_writing('wal')

    @needs('sqlite3')
    def test_command_line_tool(self):
        mount = self.mount()
        run('sqlite3', mount.path / 'b', 'create table t(a); insert into t values(1);')
        self.assertEqual(run('sqlite3', mount.path / 'b', 'select * from t'), '1\n')


MAKEFILE = '''
OBJECTS = $(patsubst %.c,%.o,$(wildcard src/*.c))
all: program
program: libparts.a main.c
\tcc -Iinclude -o $@ main.c -L. -lparts
libparts.a: $(OBJECTS)
\tar rcs $@ $^
%.o: %.c include/parts.h
\tcc -Iinclude -c -o $@ $<
clean:
\trm -f $(OBJECTS) libparts.a program
'''


@needs('make')
@needs('cc')
class CBuild(ClusterTest):
    def test_make_builds_runs_and_knows_what_is_new(self):
        mount = self.mount()
        base = mount.path / 'project'
        (base / 'src').mkdir(parents=True)
        (base / 'include').mkdir()
        (base / 'Makefile').write_text(MAKEFILE)
        parts = range(12)
        declarations = ''.join(f'int part{n}(void);\n' for n in parts)
        (base / 'include/parts.h').write_text(declarations)
        for number in parts:
            (base / f'src/part{number}.c').write_text(
                f'#include "parts.h"\nint part{number}(void) {{ return {number}; }}\n')
        total = ' + '.join(f'part{n}()' for n in parts)
        (base / 'main.c').write_text(f'#include <stdio.h>\n#include "parts.h"\n'
                                     f'int main(void) {{ printf("%d\\n", {total}); }}\n')
        run('make', '-C', base, '-j4')
        self.assertEqual(run(base / 'program'), '66\n')
        self.assertIn('Nothing to be done', run('make', '-C', base))
        mount.remount()
        self.assertIn('Nothing to be done', run('make', '-C', base))
        self.assertEqual(run(base / 'program'), '66\n')
        run('touch', base / 'src/part3.c')
        again = run('make', '-C', base)
        self.assertEqual((again.count('part3.c'), again.count('part4.c')), (1, 0))
        run('make', '-C', base, 'clean')
        self.assertEqual(sorted(os.listdir(base)), ['Makefile', 'include', 'main.c', 'src'])


class Editors(ClusterTest):
    """Editors save in different ways: in place, by a new file and rename, with backups."""

    def edited(self, *command, **options):
        mount = self.mount()
        path = mount.path / 'text'
        path.write_text('one\ntwo\n')
        path.chmod(0o640)
        os.setxattr(path, 'user.kept', b'1')
        run(*[word.replace('FILE', str(path)) for word in command], cwd=mount.path,
            env=dict(os.environ, HOME=str(self.directory), TERM='dumb'), **options)
        self.assertEqual(path.read_text(), 'one\n2\n')
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        mount.remount()
        self.assertEqual(path.read_text(), 'one\n2\n')

    def vi(self, *settings):
        words = [word for setting in settings for word in ('-c', f'set {setting}')]
        vi = shutil.which('vim.tiny') or shutil.which('vim') or shutil.which('vi')
        self.edited(vi, '-N', '-u', 'NONE', '-es', *words, '-c', '%s/two/2/', '-c', 'wq', 'FILE')

    @needs('vi')
    def test_vi_with_swap_file(self):
        self.vi('swapfile', 'nobackup', 'writebackup', 'backupcopy=no', 'fsync')

    @needs('vi')
    def test_vi_with_backup_copy(self):
        self.vi('backup', 'backupcopy=yes')

    @needs('ed')
    def test_ed(self):
        self.edited('sh', '-c', 'printf "%s\\n" ",s/two/2/" w q | ed -s FILE')

    def test_sed_in_place(self):
        self.edited('sed', '-i', 's/two/2/', 'FILE')

    def test_rename_over_with_fsync(self):
        program = ('import os, sys; path = sys.argv[1]; new = path + ".new"\n'
                   'f = open(new, "w"); f.write("one\\n2\\n"); f.flush(); os.fsync(f.fileno())\n'
                   'os.fchmod(f.fileno(), 0o640); f.close(); os.rename(new, path)\n'
                   'd = os.open(os.path.dirname(path), os.O_RDONLY); os.fsync(d)')
        self.edited(sys.executable, '-c', program, 'FILE')


if __name__ == '__main__':
    main()
