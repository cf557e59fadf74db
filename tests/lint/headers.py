#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# headers.py: every header compiles alone. A header that some compiled .cc includes first is proven
# by that .cc; only the others get a translation unit of their own, compiled with the flags of the
# build and through ccache, so that a second run costs nothing.
"""usage: headers.py BUILD_DIRECTORY"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import edges
from tree import read_tree

ROOT = pathlib.Path(__file__).resolve().parents[2]


def compiled_sources(commands):
    """Paths from the root of the sources that the build compiles."""
    for command in commands:
        path = pathlib.Path(command['directory'], command['file']).resolve()
        if path.is_relative_to(ROOT):
            yield path.relative_to(ROOT).as_posix()


def proven_headers(files, compiled):
    for file in files:
        if file.suffix == '.cc' and file.path in compiled:
            first = next(edges.includes(file), None)
            if first:
                yield first[2]


def compiler_and_flags(commands):
    """The compiler, and every include path and definition that any target has, once."""
    flags = ['-std=c++20', '-O0', '-Wall', '-Wextra', '-Wshadow', '-Werror']
    compiler = 'c++'
    for command in commands:
        words = shlex.split(command['command'])
        compiler = next((w for w in words if pathlib.Path(w).name.strip('-0123456789.') in
                         ('c++', 'g++', 'clang++', 'clang')), compiler)
        for word, following in zip(words, words[1:] + ['']):
            new = [word, following] if word == '-isystem' else [word]
            if word.startswith(('-I', '-D', '-isystem')) and new[-1] not in flags:
                flags += new
    return compiler, flags


def compile_alone(header, directory, compiler, flags):
    """What the compiler has to say of a unit that has nothing but the header, twice."""
    unit = directory / (header.replace('/', '__') + '.cc')
    content = f'#include "{header}"\n#include "{header}"\n'
    if not unit.exists() or unit.read_text() != content:
        unit.write_text(content)
    launcher = [path for path in [shutil.which('ccache')] if path]
    done = subprocess.run(
        launcher + [compiler, *flags, f'-I{ROOT}', '-c', str(unit), '-o', str(unit) + '.o'],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return '' if done.returncode == 0 else f'{header} does not compile alone:\n{done.stdout}'


def main(build):
    commands = json.loads(pathlib.Path(build, 'compile_commands.json').read_text())
    files = read_tree(ROOT)
    proven = set(proven_headers(files, set(compiled_sources(commands))))
    alone = [file.path for file in files if file.suffix == '.h' and file.path not in proven]
    compiler, flags = compiler_and_flags(commands)
    directory = pathlib.Path(build, 'headers')
    directory.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [said for said in pool.map(
            lambda header: compile_alone(header, directory, compiler, flags), alone) if said]
    print('\n'.join(failures))
    print(f'headers: {len(proven)} proven by the build, {len(alone)} compiled alone, '
          f'{len(failures)} fail')
    return 1 if failures else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
