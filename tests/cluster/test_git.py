# SPDX-License-Identifier: Apache-2.0
"""git on a mount: init, commit, branches, clone, gc, fsck, also after a remount."""

import os

from harness import ClusterTest, main, needs, run


@needs('git')
class Git(ClusterTest):
    def setUp(self):
        super().setUp()
        self.environment = dict(
            os.environ, HOME=str(self.directory), GIT_CONFIG_NOSYSTEM='1', GIT_AUTHOR_NAME='A',
            GIT_AUTHOR_EMAIL='a@example.org', GIT_COMMITTER_NAME='A',
            GIT_COMMITTER_EMAIL='a@example.org', GIT_TERMINAL_PROMPT='0')

    def git(self, where, *arguments):
        return run('git', '-C', where, *arguments, env=self.environment)

    def make_repository(self, path, commits):
        self.git(path.parent, 'init', '--quiet', '-b', 'main', path)
        for number in range(commits):
            for name in range(20):
                folder = path / f'd{name % 4}'
                folder.mkdir(exist_ok=True)
                (folder / f'f{name}').write_text(f'line {number}\n' * (name + 1))
            self.git(path, 'add', '.')
            self.git(path, 'commit', '--quiet', '-m', f'commit {number}')

    def test_init_commit_clone_gc_fsck(self):
        mount = self.mount()
        origin = mount.path / 'origin'
        self.make_repository(origin, commits=8)
        self.git(origin, 'checkout', '--quiet', '-b', 'side', 'HEAD~3')
        (origin / 'side').write_text('side')
        self.git(origin, 'add', '.')
        self.git(origin, 'commit', '--quiet', '-m', 'side')
        self.git(origin, 'checkout', '--quiet', 'main')
        self.git(origin, 'merge', '--quiet', '-m', 'merged', 'side')
        self.git(mount.path, 'clone', '--quiet', origin, 'hard-links')
        self.git(mount.path, 'clone', '--quiet', f'file://{origin}', 'packed')
        for name in ('origin', 'hard-links', 'packed'):
            self.git(mount.path / name, 'gc', '--quiet', '--prune=now')
            self.git(mount.path / name, 'fsck', '--strict', '--no-dangling')
            self.assertEqual(self.git(mount.path / name, 'status', '--porcelain'), '')
        mount.remount()
        for name in ('origin', 'hard-links', 'packed'):
            self.git(mount.path / name, 'fsck', '--strict', '--no-dangling')
            self.assertEqual(self.git(mount.path / name, 'status', '--porcelain'), '')
        heads = {self.git(mount.path / name, 'rev-parse', 'HEAD')
                 for name in ('origin', 'hard-links', 'packed')}
        self.assertEqual(len(heads), 1)

    def test_clone_to_the_host_and_back(self):
        mount = self.mount()
        self.make_repository(mount.path / 'origin', commits=3)
        self.git(self.directory, 'clone', '--quiet', '--bare', mount.path / 'origin', 'bare')
        self.git(mount.path, 'clone', '--quiet', self.directory / 'bare', 'again')
        (mount.path / 'again' / 'new').write_text('new')
        self.git(mount.path / 'again', 'add', '.')
        self.git(mount.path / 'again', 'commit', '--quiet', '-m', 'new')
        self.git(mount.path / 'again', 'push', '--quiet', 'origin', 'main')
        self.git(mount.path / 'origin', 'pull', '--quiet', self.directory / 'bare', 'main')
        self.assertEqual((mount.path / 'origin' / 'new').read_text(), 'new')

    def test_worktrees_and_stash(self):
        mount = self.mount()
        origin = mount.path / 'origin'
        self.make_repository(origin, commits=2)
        self.git(origin, 'worktree', 'add', '--quiet', '../tree', 'HEAD~1')
        (origin / 'd0' / 'f0').write_text('changed')
        self.git(origin, 'stash', '--quiet')
        self.assertEqual((origin / 'd0' / 'f0').read_text(), 'line 1\n')
        self.git(origin, 'stash', 'pop', '--quiet')
        self.assertEqual((origin / 'd0' / 'f0').read_text(), 'changed')
        self.git(origin, 'worktree', 'remove', '../tree')


if __name__ == '__main__':
    main()
