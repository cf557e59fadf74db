#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# tidy.py: clang-tidy with the checks of .clang-tidy over every source that a clang build compiles.
# A file is looked at again only when something that its result depends on has changed: its text,
# that of the headers that it includes, its flags, .clang-tidy, or clang-tidy itself. (The
# preprocessed text would not do: it lacks the macros, which have findings too.) Clean results are
# remembered as empty files in a cache directory, the way ccache remembers objects, and hold for
# every clone of the tree; findings are never remembered.
"""usage: tidy.py [-j JOBS] BUILD_DIRECTORY [PATH_PART...]"""

import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get('XDG_CACHE_HOME', pathlib.Path.home() / '.cache'),
                     'metaring-tidy')
REMEMBERED_MAX = 20_000


def sources(build, parts):
    """(path from the root, command that lists its headers, directory) of our own sources."""
    commands = json.loads(pathlib.Path(build, 'compile_commands.json').read_text())
    for command in commands:
        path = pathlib.Path(command['directory'], command['file']).resolve()
        if not path.is_relative_to(ROOT) or path.is_relative_to(ROOT / 'build'):
            continue
        name = path.relative_to(ROOT).as_posix()
        if parts and not any(part in name for part in parts):
            continue
        words = shlex.split(command['command'])
        start = next(i for i, word in enumerate(words) if 'clang' in pathlib.Path(word).name)
        kept = [word for word in words[start:] if word not in ('-c', '-fsyntax-only')]
        if '-o' in kept:
            del kept[kept.index('-o'):kept.index('-o') + 2]
        yield name, kept + ['-M'], command['directory']


@functools.cache
def tool_fingerprint():
    version = subprocess.run(['clang-tidy', '--version'], check=True, capture_output=True).stdout
    return version + pathlib.Path(ROOT, '.clang-tidy').read_bytes()


@functools.cache
def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).digest()


def fingerprint(command, directory):
    """Of all that the result depends on; None when the source does not even preprocess."""
    done = subprocess.run(command, cwd=directory, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        return None
    rule = done.stdout.replace('\\\n', ' ')  # "OBJECT: SOURCE HEADER..."
    whole = hashlib.sha256(tool_fingerprint())
    whole.update(' '.join(command).replace(str(ROOT), '').encode())
    for path in shlex.split(rule)[1:]:
        whole.update(digest(os.path.join(directory, path)))
    return whole.hexdigest()


def look_at(build, name, command, directory):
    """What clang-tidy says of a source; empty when it is clean. And whether it was remembered."""
    mark = fingerprint(command, directory)
    if mark and (CACHE / mark).exists():
        (CACHE / mark).touch()
        return '', True
    done = subprocess.run(['clang-tidy', '--quiet', '-p', str(build), str(ROOT / name)],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        if mark:
            (CACHE / mark).touch()
        return '', False
    return done.stdout or f'{name}: clang-tidy failed', False


def forget_old():
    """Keeps the most recently used results."""
    marks = sorted(CACHE.iterdir(), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in marks[REMEMBERED_MAX:]:
        mark.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('-j', type=int, default=os.cpu_count(), dest='jobs')
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('parts', nargs='*')
    arguments = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    chosen = list(sources(arguments.build, arguments.parts))
    remembered = failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for said, known in pool.map(lambda source: look_at(arguments.build, *source), chosen):
            remembered += known
            if said:
                failed += 1
                print(said, flush=True)
    forget_old()
    print(f'clang-tidy: {len(chosen)} sources, {remembered} of them known clean, {failed} fail')
    return 1 if failed or not chosen else 0


if __name__ == '__main__':
    sys.exit(main())
