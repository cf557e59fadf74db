#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# libmetaring as a program gets it: installed, found by CMake and by pkg-config, and used by the
# example program against a real kvnode.
"""The installed C++ library."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import ROOT, main, run
from test_mount_cluster import MountTest  # pylint: disable=wrong-import-order

BUILD = pathlib.Path(os.environ.get('METARING_BUILD', ROOT / 'build/release'))
EXAMPLE = ROOT / 'kvnode/client/examples'
SHOWN = ['alice lives at 1 Main Street', 'bob lives at 2 Main Street', '2 added',
         '100 put at once']


class InstalledLibrary(MountTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix='metaring-prefix-'))
        cls.addClassCleanup(shutil.rmtree, cls.prefix)
        run('cmake', '--install', BUILD, '--component', 'libmetaring', '--prefix', cls.prefix)
        cls.lib = next(cls.prefix.rglob('libmetaring.so')).parent

    def setUp(self):
        super().setUp()
        mount = self.mounted()
        (mount.path / 'by_the_mount').touch()
        mount.end()
        self.config = self.kvnode.directory / 'kvctl.toml'
        self.config.write_text(f'endpoints = ["{self.kvnode.address}"]\n'
                               'ca = "pki/ca.crt"\ncert = "pki/root.crt"\nkey = "pki/root.key"\n')

    def check(self, program):
        environment = {**os.environ, 'LD_LIBRARY_PATH': str(self.lib)}
        for again in (False, True):
            ended = subprocess.run([program, self.config, 'book', 'vol'], env=environment,
                                   capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            lines = ended.stdout.splitlines()
            self.assertEqual([line for line in lines if line in SHOWN], SHOWN)
            self.assertEqual(sorted(lines[-2:]), ['040755 letters', '100644 by_the_mount'])
            self.assertEqual('alice is there already: 1 Main Street' in lines, again)

    def test_cmake_finds_both_libraries(self):
        build = self.directory / 'build'
        run('cmake', '-S', EXAMPLE, '-B', build, f'-DCMAKE_PREFIX_PATH={self.prefix}')
        run('cmake', '--build', build)
        self.check(build / 'address_book_metaring')

    def test_the_static_library_needs_no_shared_one(self):
        build = self.directory / 'build'
        run('cmake', '-S', EXAMPLE, '-B', build, f'-DCMAKE_PREFIX_PATH={self.prefix}')
        run('cmake', '--build', build, '--target', 'address_book_static')
        needed = run('readelf', '-d', build / 'address_book_static')
        self.assertNotIn('libmetaring', needed)
        self.check(build / 'address_book_static')

    def test_pkg_config_finds_it(self):
        environment = {**os.environ, 'PKG_CONFIG_PATH': str(self.lib / 'pkgconfig')}
        flags = subprocess.run(
            ['pkg-config', f'--define-variable=prefix={self.prefix}', '--cflags', '--libs',
             'metaring'], env=environment, capture_output=True, text=True, check=True)
        program = self.directory / 'address_book'
        run('c++', '-std=c++20', '-Wall', '-Wextra', '-Werror', EXAMPLE / 'address_book.cc', '-o',
            program, *flags.stdout.split())
        self.check(program)

    def test_headers_show_nothing_of_ours(self):
        for header in self.prefix.rglob('metaring/*.h'):
            for line in header.read_text().splitlines():
                if line.startswith('#include'):
                    self.assertNotIn('kvnode', line, header)
                    self.assertNotIn('"', line, header)


if __name__ == '__main__':
    main()
