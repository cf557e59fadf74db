#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts below a prefix, used from there: the programs, the IDL, the sample,
# and the Python package by Debian's interpreter. (The C++ library: test_library.py.)
"""The installed programs and packages."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import ROOT, ClusterTest, main, run

BUILD = pathlib.Path(os.environ.get('METARING_BUILD', ROOT / 'build/release'))
PYTHON = '/usr/bin/python3'
SCRIPT = """
import importlib.metadata, sys, metaring
assert metaring.__file__.startswith(sys.argv[1]), metaring.__file__
assert importlib.metadata.version('metaring') == sys.argv[3]
with metaring.Client(config=sys.argv[2]) as client:
    client.put('ks', 'colour', 'red')
    print(client.get('ks', 'colour').decode())
"""


class Installed(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix='metaring-prefix-'))
        cls.addClassCleanup(shutil.rmtree, cls.prefix)
        run('cmake', '--install', BUILD, '--prefix', cls.prefix)

    def test_the_programs_are_there_and_say_their_version(self):
        version = (BUILD / 'CMakeCache.txt').read_text().partition(
            'CMAKE_PROJECT_VERSION:STATIC=')[2].partition('\n')[0]
        programs = sorted(path.name for path in (self.prefix / 'bin').iterdir())
        self.assertEqual(programs, ['fusefs', 'kvctl', 'kvnode'])
        for program in programs:
            self.assertIn(version, run(self.prefix / 'bin' / program, '--version'))

    def test_the_sample_is_the_one_that_the_program_prints(self):
        sample, = self.prefix.rglob('kvnode.toml')
        self.assertIn('share/doc', str(sample))
        self.assertEqual(sample.read_text(), run(self.prefix / 'bin/kvnode', '--sample-config'))

    def test_the_idl_compiles_where_it_lies(self):
        idl = self.prefix / 'share/metaring/thrift'
        self.assertEqual(sorted(path.name for path in idl.iterdir()),
                         ['kv.thrift', 'node.thrift', 'records.thrift'])
        for file in idl.iterdir():
            run('thrift', '--gen', 'py', '-out', self.directory, file)

    def test_the_python_package_talks_to_the_installed_node(self):
        kvctl = self.prefix / 'bin/kvctl'
        cluster = self.directory / 'dev'
        self.addCleanup(run, kvctl, 'dev', 'down', '--dir', cluster)
        run(kvctl, 'dev', 'up', '--dir', cluster)
        config = cluster / 'kvctl.toml'
        run(kvctl, '--config', config, 'keyspace', 'create', 'ks')
        status = json.loads(run(kvctl, '--config', config, 'status', '-o', 'json'))
        version = status['asked']['software'].split()[1]
        packages, = self.prefix.rglob('dist-packages')
        said = subprocess.run([PYTHON, '-B', '-c', SCRIPT, packages, config, version],
                              env={**os.environ, 'PYTHONPATH': str(packages)},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((said.returncode, said.stdout), (0, 'red\n'), said.stderr)
        self.assertEqual(run(kvctl, '--config', config, 'get', 'ks', 'colour').strip(), 'red')

    def test_nothing_else_is_installed(self):
        tops = sorted({path.relative_to(self.prefix).parts[0] for path in self.prefix.iterdir()})
        self.assertEqual(tops, ['bin', 'include', 'lib', 'share'])
        stray = [path for path in self.prefix.rglob('*')
                 if path.name in ('__pycache__', 'README.md') or path.suffix == '.pyc']
        self.assertEqual(stray, [])


if __name__ == '__main__':
    main()
