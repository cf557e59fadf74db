# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom. The table is the design's "may include" columns; an edge that is not in it
# fails, and so do two folders that include each other. A new edge changes the design: it comes
# with a sentence in the README of the folder that wants it.
"""Rules about #include."""

import re

# Folder -> the folders (or single headers) that it may include. Everybody may include its own
# folder and kvnode/base. A name that ends in '/' stands for every folder below it.
ALLOWED = {
    'kvnode/base': [],
    'kvnode/fiber': [],
    'kvnode/rpc': ['thrift'],
    'kvnode/log': [],
    'kvnode/store': [],
    'kvnode/state': ['kvnode/store'],
    'kvnode/placement': [],
    'kvnode/raft': [],
    'kvnode/quorum': [],
    'kvnode/strong': ['kvnode/raft', 'kvnode/log', 'kvnode/state', 'kvnode/store',
                      'kvnode/placement', 'kvnode/rpc', 'thrift'],
    'kvnode/eventual': ['kvnode/quorum', 'kvnode/log', 'kvnode/state', 'kvnode/store',
                        'kvnode/placement', 'kvnode/rpc', 'thrift'],
    'kvnode/cluster': ['kvnode/strong', 'kvnode/placement', 'kvnode/rpc', 'thrift'],
    'kvnode/client': ['kvnode/rpc', 'kvnode/placement', 'kvnode/log', 'kvnode/state',
                      'kvnode/store', 'kvnode/fiber', 'thrift'],
    'kvnode/server': ['kvnode/', 'thrift'],
    # ctl -> rpc: kvctl cert makes the certificates that rpc's TLS checks.
    # ctl -> path: kvctl fs is files by path; how a path is walked is written once.
    'kvnode/ctl': ['kvnode/client', 'kvnode/rpc', 'fusefs/path', 'fusefs/ops', 'fusefs/meta'],
    # client -> state: kv.h takes its vocabulary from the state machine.
    # meta, ops, cache -> fiber: what they wait for must not hold the thread of a request.
    'fusefs/meta': ['kvnode/client/kv.h', 'kvnode/fiber', 'thrift'],
    'fusefs/ops': ['fusefs/meta', 'kvnode/client/kv.h', 'kvnode/fiber'],
    # path -> client: libmetaring's files by path are of a cluster's keyspace.
    'fusefs/path': ['fusefs/ops', 'fusefs/meta', 'kvnode/client'],
    # cache -> ops: what a cache of content writes back is a request of ops.
    'fusefs/cache': ['fusefs/ops', 'fusefs/meta', 'kvnode/fiber'],
    'fusefs/check': ['fusefs/ops', 'fusefs/meta', 'kvnode/client'],
    'fusefs/mount': ['fusefs/', 'kvnode/client', 'kvnode/fiber'],
}
EVERYBODY = ['kvnode/base']

# Headers of libraries that only some may see: prefix -> folders (with all below them).
LIBRARIES = {
    'lmdb.h': ['kvnode/store', 'tests/unit/store', 'tests/bench'],
    'fuse': ['fusefs/mount', 'tests/bench/nullfs'],
    'thrift/': ['kvnode/rpc', 'kvnode/client', 'kvnode/cluster', 'kvnode/server', 'fusefs/meta',
                'thrift', 'tests'],
    'asio': ['kvnode/rpc', 'kvnode/server', 'tests'],
    'boost/': ['kvnode/fiber'],
    'openssl/': ['kvnode/rpc', 'tests'],
    'spdlog/': ['kvnode/base'],
    'systemd/': ['kvnode/server'],
    'gtest/': ['tests'],
    'benchmark/': ['tests'],
}
# Only one file outside tests includes these.
ONE_INCLUDER = ['lmdb.h']

_GENERATED = re.compile(r'^\w+_(?:types|constants)\.(?:h|tcc)$')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(file):
    """(line, bracket, target) of each #include; what Thrift generates counts as thrift/."""
    for match in _INCLUDE.finditer(file.text):
        target = match.group(2)
        if _GENERATED.search(target):
            target = 'thrift/' + target
        yield file.text.count('\n', 0, match.start()) + 1, match.group(1), target


def _allows(entry, target):
    if entry.endswith('/'):
        return target.startswith(entry)
    return target == entry or target.startswith(entry + '/') or target.rpartition('/')[0] == entry


def _within(path, folders):
    return any(path.startswith(folder + '/') for folder in folders)


def _owner(path):
    """The row of the table that a path belongs to."""
    parts = path.split('/')
    return '/'.join(parts[:2]) if parts[0] in ('kvnode', 'fusefs') else parts[0]


def check_edge(file, line, target):
    owner = _owner(file.path)
    if owner == 'tests' or _owner(target) == owner:
        return None
    if owner not in ALLOWED:
        return file.find('edges', f'{owner} has no row in tests/lint/edges.py', line)
    if any(_allows(entry, target) for entry in ALLOWED[owner] + EVERYBODY):
        return None
    return file.find('edges', f'{owner} may not include {target}', line)


def check_library(file, line, target):
    for prefix, folders in LIBRARIES.items():
        if target.startswith(prefix) and not _within(file.path, folders):
            return file.find('edges', f'<{target}> is only for {", ".join(folders)}', line)
    return None


def check_own_header_first(file, paths):
    """x.cc includes x.h before anything else, which proves that x.h compiles alone."""
    own = file.path.removesuffix('.cc') + '.h'
    if file.suffix != '.cc' or own not in paths:
        return None
    first = next(includes(file), None)
    if first and first[2] == own:
        return None
    return file.find('edges', f'{own} must be included first', first[0] if first else 1)


def _mutual(graph):
    for owner, targets in graph.items():
        for target, (file, line) in targets.items():
            if owner < target and owner in graph.get(target, {}):
                yield file.find('edges', f'{owner} and {target} include each other', line)


def check(files):
    code = [file for file in files if file.is_code()]
    paths = {file.path for file in code}
    tops = {file.path.split('/')[0] for file in files if '/' in file.path}
    graph = {}
    includers = {}
    for file in code:
        yield from filter(None, [check_own_header_first(file, paths)])
        for line, bracket, target in includes(file):
            if not file.path.startswith('tests/'):
                includers.setdefault(target, []).append((file, line))
            if bracket == '<':
                yield from filter(None, [check_library(file, line, target)])
                continue
            if target.split('/')[0] not in tops:
                yield file.find('edges', f'"{target}" is not a path from the root', line)
                continue
            yield from filter(None, [check_edge(file, line, target)])
            graph.setdefault(_owner(file.path), {}).setdefault(_owner(target), (file, line))
    yield from _mutual(graph)
    for header in ONE_INCLUDER:
        for file, line in includers.get(header, [])[1:]:
            yield file.find('edges', f'{includers[header][0][0].path} includes {header} already',
                            line)
