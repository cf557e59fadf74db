# SPDX-License-Identifier: Apache-2.0
#
# A volume of a kvnode, mounted over TLS. As harness.py has it: at its end each test unmounts
# cleanly, and the volume is checked.
"""Mounts of cluster volumes for tests."""

from harness import FUSEFS, Mount, run
from node_harness import NodeTest


class ClusterMount(Mount):
    """A volume of a node, at one mountpoint."""

    def __init__(self, node, path, volume='vol', client='root', options=''):
        self.node, self.volume = node, volume
        node.context(client)  # makes the certificate
        pki = node.pki
        self.identity = f'ca={pki}/ca.crt,cert={pki}/{client}.crt,key={pki}/{client}.key'
        chosen = f'{self.identity},{options}' if options else self.identity
        super().__init__(f'{path}.none', path, chosen)

    @property
    def source(self):
        return f'{self.node.address}/{self.volume}'

    def check(self, *arguments, status=0):
        return run(FUSEFS, 'check', '-o', self.identity, *arguments, self.source, status=status)


def keep_address(node):
    """The node listens where it did, also when it is started again."""
    node.configure(listen={'clients': node.address, 'nodes': node.node_address})


class MountTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.kvnode = self.node().start()
        keep_address(self.kvnode)

    def unmounted_cluster(self, name='mnt', **arguments):
        mount = ClusterMount(self.kvnode, self.directory / name, **arguments)
        self.mounts.append(mount)
        self.addCleanup(mount.destroy)
        return mount

    def mounted(self, name='mnt', **arguments):
        return self.unmounted_cluster(name, **arguments).start()

    def tearDown(self):
        super().tearDown()
        if self._failed() or not self.kvnode.process:
            return
        for mount in {mount.volume: mount for mount in self.mounts}.values():
            mount.check()
