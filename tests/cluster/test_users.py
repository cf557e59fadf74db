# SPDX-License-Identifier: Apache-2.0
"""Other users on one mount: permission, sticky directories, groups, ACLs, suid bits."""

import errno
import os
import stat

from harness import ClusterTest, main, needs_root, run

NOBODY, OTHER, GROUP = 65_534, 1_234, 4_321


def as_user(uid, function, gid=None, groups=()):
    """Runs function() in a child as another user; 0, or the errno of its OSError."""
    child = os.fork()
    if child == 0:
        status = 255
        try:
            os.setgroups(list(groups))
            os.setgid(uid if gid is None else gid)
            os.setuid(uid)
            os.umask(0o022)
            function()
            status = 0
        except OSError as error:
            status = error.errno
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_root
class Users(ClusterTest):
    def setUp(self):
        super().setUp()
        self.volume = self.mount('allow_other,suid')
        self.path = self.volume.path
        self.path.chmod(0o777)

    def does(self, uid, function, *arguments, **options):
        return as_user(uid, lambda: function(*arguments), **options)

    def test_owner_and_group_of_what_is_made(self):
        self.assertEqual(self.does(NOBODY, os.mkdir, self.path / 'd', gid=GROUP), 0)
        info = (self.path / 'd').stat()
        self.assertEqual((info.st_uid, info.st_gid, info.st_mode & 0o7777), (NOBODY, GROUP, 0o755))

    def test_permission_bits_are_checked(self):
        (self.path / 'f').write_text('secret')
        (self.path / 'f').chmod(0o640)
        os.chown(self.path / 'f', OTHER, GROUP)
        self.assertEqual(self.does(NOBODY, os.open, self.path / 'f', os.O_RDONLY), errno.EACCES)
        self.assertEqual(self.does(OTHER, os.open, self.path / 'f', os.O_RDWR), 0)
        self.assertEqual(self.does(NOBODY, os.open, self.path / 'f', os.O_RDONLY, groups=[GROUP]),
                         0)
        self.assertEqual(self.does(NOBODY, os.open, self.path / 'f', os.O_RDWR, groups=[GROUP]),
                         errno.EACCES)
        (self.path / 'private').mkdir(0o700)
        (self.path / 'private/f').touch()
        self.assertEqual(self.does(NOBODY, os.stat, self.path / 'private/f'), errno.EACCES)
        self.assertEqual(self.does(NOBODY, os.listdir, self.path / 'private'), errno.EACCES)

    def test_only_the_owner_changes_mode_owner_and_times(self):
        (self.path / 'f').touch()
        os.chown(self.path / 'f', OTHER, OTHER)
        self.assertEqual(self.does(NOBODY, os.chmod, self.path / 'f', 0o777), errno.EPERM)
        self.assertEqual(self.does(OTHER, os.chmod, self.path / 'f', 0o777), 0)
        self.assertEqual(self.does(OTHER, os.chown, self.path / 'f', NOBODY, -1), errno.EPERM)
        self.assertEqual(self.does(OTHER, os.chown, self.path / 'f', -1, GROUP), errno.EPERM)
        self.assertEqual(self.does(OTHER, os.chown, self.path / 'f', -1, GROUP, groups=[GROUP]), 0)
        self.assertEqual(as_user(NOBODY, lambda: os.utime(self.path / 'f', (1, 1))), errno.EPERM)
        self.assertEqual(as_user(NOBODY, lambda: os.utime(self.path / 'f')), 0)  # it is 0777

    def test_sticky_directory(self):
        shared = self.path / 'shared'
        shared.mkdir()
        shared.chmod(0o1777)
        (shared / 'f').touch()
        os.chown(shared / 'f', OTHER, OTHER)
        (shared / 'f').chmod(0o666)
        self.assertEqual(self.does(NOBODY, os.unlink, shared / 'f'), errno.EPERM)
        self.assertEqual(self.does(NOBODY, os.rename, shared / 'f', shared / 'g'), errno.EPERM)
        self.assertEqual(self.does(OTHER, os.rename, shared / 'f', shared / 'g'), 0)
        self.assertEqual(self.does(OTHER, os.unlink, shared / 'g'), 0)

    def test_setgid_directory_passes_its_group_on(self):
        shared = self.path / 'shared'
        shared.mkdir()
        os.chown(shared, 0, GROUP)
        shared.chmod(0o2777)
        self.assertEqual(self.does(NOBODY, os.mkdir, shared / 'd'), 0)
        self.assertEqual(self.does(NOBODY, os.open, shared / 'f', os.O_CREAT | os.O_WRONLY), 0)
        info = (shared / 'd').stat()
        self.assertEqual((info.st_gid, bool(info.st_mode & stat.S_ISGID)), (GROUP, True))
        info = (shared / 'f').stat()
        self.assertEqual((info.st_gid, bool(info.st_mode & stat.S_ISGID)), (GROUP, False))

    def test_suid_bits_go_when_others_change_the_file(self):
        path = self.path / 'f'
        for change in (lambda: os.write(os.open(path, os.O_WRONLY), b'x'),
                       lambda: os.truncate(path, 0),
                       lambda: os.chown(path, -1, GROUP)):
            path.write_text('#!')
            os.chown(path, NOBODY, NOBODY)
            path.chmod(0o6777)
            self.assertEqual(as_user(NOBODY, change, groups=[GROUP]), 0)
            self.assertEqual(path.stat().st_mode & 0o7777, 0o777)

    def test_suid_program_runs_as_its_owner(self):
        run('cp', '/usr/bin/id', self.path / 'id')
        os.chown(self.path / 'id', OTHER, OTHER)
        (self.path / 'id').chmod(0o4755)
        words = ('setpriv', '--reuid', str(NOBODY), '--regid', str(NOBODY), '--clear-groups')
        self.assertIn(f'euid={OTHER}', run(*words, self.path / 'id'))
        self.volume.remount('allow_other')
        self.assertNotIn('euid', run(*words, self.path / 'id'))

    def test_acl_lets_one_more_user_in(self):
        path = self.path / 'f'
        path.write_text('x')
        path.chmod(0o600)
        run('setfacl', '-m', f'u:{NOBODY}:r', path)
        self.assertEqual(self.does(NOBODY, os.open, path, os.O_RDONLY), 0)
        self.assertEqual(self.does(NOBODY, os.open, path, os.O_WRONLY), errno.EACCES)
        self.assertEqual(self.does(OTHER, os.open, path, os.O_RDONLY), errno.EACCES)
        path.chmod(0o600)  # takes the mask away
        self.assertEqual(self.does(NOBODY, os.open, path, os.O_RDONLY), errno.EACCES)

    def test_default_acl_is_inherited(self):
        run('setfacl', '-d', '-m', f'u:{NOBODY}:rwx', self.path)
        (self.path / 'd').mkdir()
        (self.path / 'd/f').write_text('x')
        text = run('getfacl', '-n', '-p', self.path / 'd/f')
        self.assertIn(f'user:{NOBODY}:rwx', text)
        self.assertEqual(self.does(NOBODY, os.open, self.path / 'd/f', os.O_RDWR), 0)
        self.volume.remount()
        self.assertEqual(run('getfacl', '-n', '-p', self.path / 'd/f'), text)

    def test_xattr_namespaces(self):
        path = self.path / 'f'
        path.touch()
        os.chown(path, OTHER, OTHER)
        self.assertEqual(self.does(OTHER, os.setxattr, path, 'user.a', b'1'), 0)
        self.assertEqual(self.does(OTHER, os.setxattr, path, 'trusted.a', b'1'), errno.EPERM)
        self.assertEqual(self.does(NOBODY, os.setxattr, path, 'user.b', b'1'), errno.EACCES)
        self.assertEqual(self.does(OTHER, os.setxattr, path, 'other.a', b'1'), errno.EOPNOTSUPP)
        os.setxattr(path, 'trusted.t', b'1')
        self.assertEqual(set(os.listxattr(path)), {'user.a', 'trusted.t'})

    def test_without_allow_other_only_the_mounter_may(self):
        self.volume.remount('')
        self.assertEqual(self.does(NOBODY, os.stat, self.path / 'x'), errno.EACCES)


if __name__ == '__main__':
    main()
