#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# lint.py: the rules of the house that a compiler does not know. It reads the working tree, prints
# one line for each finding and ends with status 1 when there is any.
"""usage: lint.py [--report] [RULE...]

rules: edges sizes text wire format shell; without any, all"""

import pathlib
import shutil
import subprocess
import sys

import edges
import sizes
import text
import wire
from tree import read_tree

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _run_tool(command, files, rule):
    """A checker of its own, over files; each line that it says is a finding of its first file."""
    if not files:
        return
    if not shutil.which(command[0]):
        yield files[0].find(rule, f'{command[0]} is not installed: packaging/deps.sh')
        return
    done = subprocess.run(command + [file.path for file in files], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        yield files[0].find(rule, f'{command[0]} says:\n{done.stdout}')


def check_format(files):
    yield from _run_tool(['clang-format', '--dry-run', '-Werror', '--ferror-limit=3'],
                         [file for file in files if file.is_code()], 'format')


def check_shell(files):
    yield from _run_tool(['shellcheck'],
                         [file for file in files if file.text.startswith('#!/bin/bash')], 'shell')


RULES = {
    'edges': edges.check,
    'sizes': sizes.check,
    'text': text.check,
    'wire': wire.check,
    'format': check_format,
    'shell': check_shell,
}


def main(arguments):
    files = read_tree(ROOT)
    if arguments == ['--report']:
        print('\n'.join(sizes.report(files)))
        return 0
    unknown = [argument for argument in arguments if argument not in RULES]
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    findings = [finding for rule in arguments or RULES for finding in RULES[rule](files)]
    for finding in sorted(findings):
        print(finding)
    print(f'lint: {len(files)} files, {len(findings)} findings')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
