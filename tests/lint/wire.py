# SPDX-License-Identifier: Apache-2.0
#
# The IDL only evolves: thrift --audit of each file of the last release against what the file is
# now. What old and new programs would read differently, or not at all, is a finding; so is what
# makes the sources of others stop compiling. thrift/README.md says how a release is made.
"""The rule that thrift/ stays compatible with thrift/released/."""

import pathlib
import re
import shutil
import subprocess
import tempfile

OLD = 'thrift/released'
NEW = 'thrift'
# What the compiler only warns of is refused too, but for this: versions grow.
_MAY_CHANGE = re.compile(r'Constant PROTOCOL_VERSION(_MIN)? has different value')
_SAID = re.compile(r'\[Thrift Audit (?:Failure|Warning):[^\]]*\] *(.*?) *$', re.M)


def _without_comments(text):
    return re.sub(r'//[^\n]*|#[^\n]*|/\*.*?\*/', '', text, flags=re.S)


def _write(files, folder, to):
    for file in files:
        if file.folder == folder and file.suffix == '.thrift':
            pathlib.Path(to, file.name).write_text(file.text)


def _audit(old, new, name):
    """What the compiler says of the new file, a line each."""
    done = subprocess.run(
        ['thrift', '-Iold', old, '-Inew', new, '--audit', f'{old}/{name}', f'{new}/{name}'],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = _SAID.findall(done.stdout)
    if done.returncode != 0 and not said:
        return [f'thrift --audit fails: {done.stdout.strip()}']
    return [line for line in said if not _MAY_CHANGE.search(line)]


def check(files):
    now = {file.name: file for file in files
           if file.folder == NEW and file.suffix == '.thrift'}
    released = [file for file in files if file.folder == OLD and file.suffix == '.thrift']
    for file in now.values():
        if re.search(r'\brequired\b', _without_comments(file.text)):
            yield file.find('wire', '"required" can never be taken back: every field is optional')
    if released and not shutil.which('thrift'):
        yield released[0].find('wire', 'thrift is not installed: packaging/deps.sh')
        return
    with tempfile.TemporaryDirectory() as old, tempfile.TemporaryDirectory() as new:
        _write(files, OLD, old)
        _write(files, NEW, new)
        for file in released:
            if file.name not in now:
                yield file.find('wire', f'{NEW}/{file.name} was released and is gone')
                continue
            for said in _audit(old, new, file.name):
                yield now[file.name].find('wire', f'breaks with the last release: {said}')
