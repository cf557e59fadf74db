# SPDX-License-Identifier: Apache-2.0
#
# What every file must have and may not say: licence line, head, names, guards, READMEs, links.
"""Rules about the text of files."""

import posixpath
import re

LICENCE = 'SPDX-License-Identifier: Apache-2.0'
BANNED_WORDS = ('util', 'utils', 'helper', 'helpers', 'manager', 'common')
# Folders whose code needs no README of its own: they mirror the tree.
README_NOT_NEEDED = ('tests/unit/',)

_TYPE_NAME = re.compile(r'^[ \t]*(?:class|struct|enum class|enum|union|namespace)[ \t]+'
                        r'(?:[A-Z_]+(?:\([^)]*\))?[ \t]+)?([\w:]+)', re.M)
_TODO = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b(?!\(\d{4}-\d\d-\d\d\): \S)')
_LINK = re.compile(r'\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)')

QUICKSTART = 'packaging/quickstart.sh'
# Target -> how a command line shows that it needs it.
QUICKSTART_TARGETS = {'fusefs': r'\bfusefs ', 'kvctl': r'\bkvctl ', 'kvnode': r'\bkvnode ',
                      'python_client': r'import metaring'}


def words(name):
    """lock_util.cc, LockUtil and LOCK_UTIL all have the words lock and util."""
    split = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    return [word.lower() for word in re.split(r'[^A-Za-z0-9]+', split) if word]


def check_licence(file):
    first = 1 if file.text.startswith('#!') else 0
    if len(file.lines) <= first or LICENCE not in file.lines[first]:
        yield file.find('text', f'line {first + 1} must be "{LICENCE}" as a comment')


def check_head(file):
    """A header is a contract: right below the licence it says what it is."""
    if file.suffix != '.h':
        return
    head = [line for line in file.lines[1:4] if line.startswith('//') and len(line) > 3]
    if not head:
        yield file.find('text', 'no head: after the licence comes what this file is, and why')


def check_guard(file):
    if file.suffix != '.h':
        return
    guard = 'METARING_' + re.sub(r'[^A-Z0-9]', '_', file.path.upper()) + '_'
    if f'#ifndef {guard}\n#define {guard}\n' not in file.text:
        yield file.find('text', f'the guard must be {guard}')


def check_names(file):
    for word in words(file.name.partition('.')[0]):
        if word in BANNED_WORDS:
            yield file.find('text', f'"{word}" in a file name says nothing')
    if file.is_code():
        if not re.fullmatch(r'[a-z0-9_]+\.(cc|h)', file.name):
            yield file.find('text', 'file names are snake_case')
        for match in _TYPE_NAME.finditer(file.text):
            for word in words(match.group(1)):
                if word in BANNED_WORDS:
                    line = file.text.count('\n', 0, match.start(1)) + 1
                    yield file.find('text', f'"{word}" in the name {match.group(1)}', line)


def check_todo(file):
    if file.path.startswith('tests/lint/'):
        return  # speaks about them
    for number, line in enumerate(file.lines, 1):
        if _TODO.search(line):
            yield file.find('text', 'without a date and a reason: TODO(YYYY-MM-DD): why', number)


def check_spaces(file):
    if file.text and not file.text.endswith('\n'):
        yield file.find('text', 'no newline at the end', len(file.lines))
    for number, line in enumerate(file.lines, 1):
        if line != line.rstrip() or (file.is_source() and '\t' in line):
            yield file.find('text', 'tab or trailing space', number)


def check_readmes(files):
    paths = {file.path for file in files}
    for folder in sorted({file.folder for file in files if file.is_source() and file.folder}):
        needed = not folder.startswith('.') and not folder.startswith(README_NOT_NEEDED)
        if needed and folder + '/README.md' not in paths:
            yield next(f for f in files if f.folder == folder).find(
                'text', f'{folder} has no README.md')


def check_links(file, paths):
    for number, line in enumerate(file.lines, 1):
        for target in _LINK.findall(line):
            path = posixpath.normpath(posixpath.join(file.folder, target))
            known = path in paths or any(p.startswith(path + '/') for p in paths)
            if '://' not in target and not known:
                yield file.find('text', f'the link to {target} leads nowhere', number)


def check_quickstart(files):
    """What the commands of the README run is built by quickstart.sh, with which people begin."""
    by_path = {file.path: file for file in files}
    readme, script = by_path.get('README.md'), by_path.get(QUICKSTART)
    if not readme or not script:
        return
    built = {word for line in script.lines if 'cmake --build' in line for word in line.split()}
    commands = [line for line in readme.lines if line.startswith('    ')]
    for target, sign in QUICKSTART_TARGETS.items():
        if target not in built and any(re.search(sign, line) for line in commands):
            yield script.find('text', f'README.md uses {target}, which is not built here')


def check(files):
    paths = {file.path for file in files}
    yield from check_readmes(files)
    yield from check_quickstart(files)
    for file in files:
        if file.is_source():
            for rule in (check_licence, check_head, check_guard, check_names, check_todo,
                         check_spaces):
                yield from rule(file)
        elif file.suffix == '.md':
            yield from check_links(file, paths)
