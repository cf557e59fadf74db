# SPDX-License-Identifier: Apache-2.0
#
# What the rules look at: the files that git knows or would add, read once.
"""The files of the repository and the findings about them."""

import pathlib
import subprocess
from typing import NamedTuple

CODE = ('.cc', '.h')
SOURCES = CODE + ('.py', '.sh', '.thrift', '.cmake')


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f'{self.path}:{self.line}: {self.rule}: {self.message}'


class File:
    """A file: its path from the root, with slashes, and its text."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.folder = path.rpartition('/')[0]
        self.name = path.rpartition('/')[2]
        self.suffix = pathlib.PurePosixPath(path).suffix

    def is_code(self):
        return self.suffix in CODE

    def is_source(self):
        return (self.suffix in SOURCES or self.name == 'CMakeLists.txt'
                or self.text.startswith('#!'))

    def find(self, rule, message, line=1):
        return Finding(self.path, line, rule, message)


def read_tree(root):
    """All text files of the working tree that git tracks or does not ignore, sorted by path."""
    listing = subprocess.run(
        ['git', '-C', str(root), 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        check=True, capture_output=True).stdout.decode()
    files = []
    for path in sorted(set(filter(None, listing.split('\0')))):
        full = pathlib.Path(root, path)
        if not full.is_file() or full.is_symlink():
            continue  # deleted and not yet committed
        raw = full.read_bytes()
        if b'\0' not in raw[:4096]:
            files.append(File(path, raw.decode('utf-8', 'replace')))
    return files
