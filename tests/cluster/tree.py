# SPDX-License-Identifier: Apache-2.0
#
# Trees of files: one that has everything a filesystem can hold, and the picture of a tree, by which
# two are compared.
"""Making and comparing trees."""

import hashlib
import os
import pathlib
import random
import socket
import stat

from harness import IS_ROOT, run


def _xattrs(path):
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)}


def _content(path, mode):
    if stat.S_ISREG(mode):
        with open(path, 'rb') as file:
            return hashlib.sha256(file.read()).hexdigest()
    return os.readlink(path) if stat.S_ISLNK(mode) else ''


def picture(root, times=True):
    """Relative path -> all that can be seen there; inode numbers as groups of links."""
    root = pathlib.Path(root)
    seen = {}
    groups = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = pathlib.Path(folder, name)
            relative = str(path.relative_to(root))
            info = os.lstat(path)
            group = groups.setdefault(info.st_ino, relative)
            seen[relative] = {
                'mode': oct(info.st_mode), 'owner': (info.st_uid, info.st_gid),
                'size': None if stat.S_ISDIR(info.st_mode) else info.st_size,
                'rdev': info.st_rdev, 'links': info.st_nlink,
                'mtime': info.st_mtime_ns if times else None,
                'same_as': group if not stat.S_ISDIR(info.st_mode) else relative,
                'content': _content(path, info.st_mode), 'xattrs': _xattrs(path),
            }
    return _first_names(seen)


def _first_names(seen):
    """Groups of links are named by their first name in order, whatever the order of the walk."""
    first = {}
    for path in sorted(seen):
        first.setdefault(seen[path]['same_as'], path)
    for fields in seen.values():
        fields['same_as'] = first[fields['same_as']]
    return seen


def differences(left, right):
    """Lines that say in what two pictures differ."""
    lines = []
    for path in sorted(set(left) | set(right)):
        if left.get(path) != right.get(path):
            lines.append(f'{path}: {left.get(path)} != {right.get(path)}')
    return lines


def make_rich_tree(root, seed=1):
    """Files of many sizes, holes, links of both kinds, FIFOs, sockets, devices, odd names, xattrs,
    ACLs, old and far times. What needs root is there only for root."""
    chance = random.Random(seed)
    root = pathlib.Path(root)
    (root / 'deep/er/still').mkdir(parents=True)
    for size in (0, 1, 100, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_000_000):
        (root / f'deep/size-{size}').write_bytes(chance.randbytes(size))
    with open(root / 'deep/holes', 'wb') as file:
        file.seek(300_000)
        file.write(b'after a hole')
        file.truncate(1_000_000)
    for name in ('space in name', 'new\nline', 'ünïcödé', '-dash', 'x' * 255, b'\xff\xfe'):
        with open(os.path.join(os.fsencode(root), os.fsencode(name)), 'wb') as file:
            file.write(os.fsencode(name))
    os.link(root / 'deep/size-100', root / 'deep/er/hard link')
    os.link(root / 'deep/size-100', root / 'third name')
    os.symlink('deep/size-100', root / 'symlink')
    os.symlink('nowhere/' + 'y' * 200, root / 'dangling')
    os.symlink('../er', root / 'deep/to-directory')
    os.mkfifo(root / 'fifo', 0o640)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        listener.bind(f'/proc/self/fd/{here}/socket')
        os.close(here)
    _add_attributes(root)
    return root


def _add_attributes(root):
    os.setxattr(root / 'deep/size-1', 'user.small', b'value')
    os.setxattr(root / 'deep/size-1', 'user.binary', bytes(range(256)))
    os.setxattr(root / 'deep', 'user.on-directory', b'')
    run('setfacl', '-m', 'u:1:rwx,g:2:r-x', root / 'deep/size-1')
    run('setfacl', '-m', 'u:3:r-x', '-d', '-m', 'u:4:rwx', root / 'deep/er/still')
    (root / 'deep/er/still/inherits').write_text('a default ACL')
    os.chmod(root / 'deep/size-4096', 0o4711)
    os.chmod(root / 'deep/er', 0o1777)
    if IS_ROOT:
        os.setxattr(root / 'deep/size-1', 'trusted.t', b'for root')
        os.mknod(root / 'null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(root / 'block', stat.S_IFBLK | 0o600, os.makedev(259, 1_000))
        os.chown(root / 'third name', 1234, 65_534)
        os.chown(root / 'symlink', 5, 6, follow_symlinks=False)
    for number, path in enumerate(('deep/size-0', 'deep/size-4095', 'deep/er')):
        moment = (-2_000_000_000, 123_456_789, 4_102_444_800)[number] * 10**9 + 987_654_321
        os.utime(root / path, ns=(moment, moment))
    os.utime(root / 'dangling', ns=(5, 1_000_000_007), follow_symlinks=False)
