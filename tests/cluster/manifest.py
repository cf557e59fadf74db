# SPDX-License-Identifier: Apache-2.0
#
# A worker that changes a tree and notes each change before it asks for it and after it was
# acknowledged; and the model that says from such notes what must be there after a crash. Each
# worker has a directory of its own, so that notes of several never mix. At most the last change of
# a worker is open: the tree must be as with it or as without it, and nothing else.
"""Acknowledged changes, and the trees that they allow.

usage: manifest.py DIRECTORY NOTES SEED
"""

import json
import os
import random
import stat
import sys

NAMES_MAX = 40  # of files and directories each, so that names meet again


class Model:
    """The expected tree: path -> directory, symlink or file, files shared by hard links."""

    def __init__(self):
        self.nodes = {'': {'type': 'directory', 'mode': 0o755}}

    def apply(self, change):
        getattr(self, '_' + change['do'])(**{k: v for k, v in change.items() if k != 'do'})

    def _mkdir(self, path):
        self.nodes[path] = {'type': 'directory', 'mode': 0o755}

    def _create(self, path):
        self.nodes[path] = {'type': 'file', 'mode': 0o644, 'content': '', 'xattrs': {}}

    def _write(self, path, content):
        self.nodes[path]['content'] = content

    def _symlink(self, path, target):
        self.nodes[path] = {'type': 'symlink', 'target': target}

    def _link(self, path, new):
        self.nodes[new] = self.nodes[path]

    def _remove(self, path):
        del self.nodes[path]

    def _chmod(self, path, mode):
        self.nodes[path]['mode'] = mode

    def _setxattr(self, path, value):
        self.nodes[path]['xattrs'] = {'user.a': value}

    def _truncate(self, path, size):
        content = self.nodes[path]['content']
        self.nodes[path]['content'] = content[:size] + '\0' * (size - len(content))

    def _rename(self, path, new):
        moved = {new + old[len(path):]: node for old, node in self.nodes.items()
                 if old == path or old.startswith(path + '/')}
        self.nodes = {old: node for old, node in self.nodes.items()
                      if old != path and not old.startswith(path + '/')}
        self.nodes.update(moved)

    def paths(self, kind):
        return [path for path, node in self.nodes.items() if path and node['type'] == kind]

    def is_empty(self, path):
        return not any(other.startswith(path + '/') for other in self.nodes)


def write_content(path, content, sync):
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, content.encode())
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def perform(root, change):
    """The change as system calls."""
    at = {key: os.path.join(root, change[key]) for key in ('path', 'new') if key in change}
    path = at['path']
    calls = {
        'mkdir': lambda: os.mkdir(path, 0o755),
        'create': lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)),
        'write': lambda: write_content(path, change['content'], True),
        'symlink': lambda: os.symlink(change['target'], path),
        'link': lambda: os.link(path, at['new']),
        'remove': lambda: os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path)
                  else os.unlink(path),
        'chmod': lambda: os.chmod(path, change['mode']),
        'setxattr': lambda: os.setxattr(path, 'user.a', change['value'].encode()),
        'truncate': lambda: os.truncate(path, change['size']),
        'rename': lambda: os.rename(path, at['new']),
    }
    calls[change['do']]()


def choose(model, chance):
    """A change that is legal now."""
    directories = [''] + model.paths('directory')
    files, symlinks = model.paths('file'), model.paths('symlink')
    into = chance.choice(directories)
    new = (into + '/' if into else '') + f'n{chance.randrange(NAMES_MAX)}'
    free = new not in model.nodes
    kind = chance.choice(['mkdir', 'create', 'create', 'create', 'write', 'write', 'symlink',
                          'link', 'remove', 'remove', 'chmod', 'setxattr', 'truncate', 'rename',
                          'rename'])
    if kind in ('mkdir', 'create') and free and (kind == 'create' or len(directories) < NAMES_MAX):
        return {'do': kind, 'path': new}
    if kind == 'symlink' and free:
        return {'do': 'symlink', 'path': new, 'target': 'to ' + new}
    if kind == 'remove':
        empty = [path for path in directories[1:] if model.is_empty(path)]
        if files + symlinks + empty:
            return {'do': 'remove', 'path': chance.choice(files + symlinks + empty)}
    if kind == 'rename' and len(model.nodes) > 1:
        return choose_rename(model, chance, new)
    if files:
        path = chance.choice(files)
        size = chance.choice((0, 5, 2000, 5000, 90_000))
        content = chance.choice('abcdef') * chance.choice((10, 3000, 70_000))
        return {
            'write': {'do': 'write', 'path': path, 'content': content},
            'link': {'do': 'link', 'path': path, 'new': new} if free else None,
            'chmod': {'do': 'chmod', 'path': path, 'mode': chance.choice((0o600, 0o644, 0o755))},
            'setxattr': {'do': 'setxattr', 'path': path, 'value': str(chance.random())},
            'truncate': {'do': 'truncate', 'path': path, 'size': size},
        }.get(kind)
    return None


def choose_rename(model, chance, new):
    """To a free name, or over a file or symlink by another file or symlink."""
    path = chance.choice([path for path in model.nodes if path])
    if new == path or new.startswith(path + '/'):
        return None
    if new in model.nodes:
        old, over = model.nodes[path], model.nodes[new]
        if 'directory' in (old['type'], over['type']) or old is over:
            return None
    return {'do': 'rename', 'path': path, 'new': new}


def work(root, notes_path, seed):
    """Changes without end, until the mount is gone."""
    chance = random.Random(seed)
    model = Model()
    os.mkdir(root)
    with open(notes_path, 'w', encoding='utf-8', buffering=1) as notes:
        notes.write('"ready"\n')
        while True:
            change = choose(model, chance)
            if change is None:
                continue
            notes.write(json.dumps(change) + '\n')
            try:
                perform(root, change)
            except OSError as error:
                notes.write(json.dumps({'failed': error.errno}) + '\n')
                return
            notes.write('"done"\n')
            model.apply(change)


def read_notes(path):
    """The acknowledged changes, the open one or None, and the errno that ended the work or None."""
    done, pending, failed = [], None, None
    with open(path, encoding='utf-8') as notes:
        for line in notes:
            if not line.endswith('\n'):
                break  # the worker was killed here, so the change was not asked for
            entry = json.loads(line)
            if entry == 'done':
                done.append(pending)
                pending = None
            elif isinstance(entry, dict) and 'failed' in entry:
                failed = entry['failed']
            elif entry != 'ready':
                pending = entry
    return done, pending, failed


def expected_trees(done, pending):
    """The trees that may be there: a write is a truncation and then content."""
    trees = []
    variants = [[]]
    if pending:
        variants.append([pending])
        if pending['do'] == 'write':
            variants.append([{'do': 'truncate', 'path': pending['path'], 'size': 0}])
    for more in variants:
        model = Model()
        for change in done + more:
            model.apply(change)
        trees.append(describe(model))
    return trees


def describe(model):
    groups = {}
    for path in sorted(model.nodes):
        groups.setdefault(id(model.nodes[path]), path)
    described = {}
    for path, node in model.nodes.items():
        if path:
            described[path] = dict(node, same_as=groups[id(node)])
    return described


def actual_tree(root):
    described, groups = {}, {}
    for folder, folders, files in sorted(os.walk(root)):
        for name in folders + files:
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root)
            info = os.lstat(full)
            node = {'mode': stat.S_IMODE(info.st_mode)}
            if stat.S_ISDIR(info.st_mode):
                node['type'] = 'directory'
            elif stat.S_ISLNK(info.st_mode):
                node = {'type': 'symlink', 'target': os.readlink(full)}
            else:
                with open(full, encoding='latin-1') as file:
                    node.update(type='file', content=file.read())
                node['xattrs'] = {key: os.getxattr(full, key).decode()
                                  for key in os.listxattr(full)}
            groups.setdefault(info.st_ino, []).append(path)
            described[path] = dict(node, same_as=info.st_ino)
    for paths in groups.values():
        for path in paths:
            described[path]['same_as'] = min(paths)
    return described


if __name__ == '__main__':
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
