# SPDX-License-Identifier: Apache-2.0
#
# A real kvnode for a test: its own CA and certificates, its configuration, and the promise that it
# has ended when the test has.
"""kvnode processes for tests."""

import os
import pathlib
import re
import signal
import subprocess

from harness import READY_SECONDS, ROOT, ClusterTest, run, wait_until
from kv_wire import Connection, tls_context

KVNODE = os.environ.get('METARING_KVNODE', str(ROOT / 'build/release/bin/kvnode'))
KVCTL = os.environ.get('METARING_KVCTL', str(ROOT / 'build/release/bin/kvctl'))
# As text and as JSON.
_READY = re.compile(r'ready.*clients"?[=:]"?([^\s",]+).*nodes"?[=:]"?([^\s",]+)')


class Kvnode:
    """One node of one directory, started and stopped any number of times."""

    def __init__(self, directory, name='node-1'):
        self.directory = pathlib.Path(directory)
        self.name = name
        self.pki = self.directory / 'pki'
        self.config = self.directory / 'kvnode.toml'
        self.log = self.directory / 'kvnode.log'
        self.process = None
        self.address = self.node_address = None
        self.directory.mkdir()
        self.cert('create-ca')
        self.cert('create-node', name, '--host', '127.0.0.1')
        self.configure()

    def cert(self, command, *arguments):
        run(KVCTL, 'cert', command, *arguments, '--dir', self.pki)

    def configure(self, **sections):
        """Writes the configuration; each section's options are added to the fixed ones."""
        options = {'node': {'data_directory': 'data'},
                   'listen': {'clients': '127.0.0.1:0', 'nodes': '127.0.0.1:0'},
                   'tls': {'ca': 'pki/ca.crt', 'certificate': f'pki/{self.name}.crt',
                           'key': f'pki/{self.name}.key'}}
        for section, more in sections.items():
            options.setdefault(section, {}).update(more)
        lines = []
        for section, values in options.items():
            lines.append(f'[{section}]')
            for key, value in values.items():
                shown = str(value).lower() if isinstance(value, (bool, int)) else f'"{value}"'
                lines.append(f'{key} = {shown}')
        self.config.write_text('\n'.join(lines) + '\n')

    def said(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def start(self, **environment):
        begin = len(self.said())
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([KVNODE, '--config', self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **environment})
        wait_until(lambda: _READY.search(self.said(), begin) or self.process.poll() is not None,
                   'kvnode is ready')
        ready = _READY.search(self.said(), begin)
        if not ready:
            raise AssertionError(f'kvnode ended with {self.process.returncode}:\n{self.said()}')
        self.address, self.node_address = ready.groups()
        return self

    def refuse(self, *arguments, status=1):
        """A start that must fail; what it says."""
        return run(KVNODE, '--config', self.config, *arguments, status=status)

    def send(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """SIGSTOP; no thread of it runs any more when this returns. On a busy machine the signal
        is taken late, and until then the other threads go on."""
        self.send(signal.SIGSTOP)
        wait_until(self._is_frozen, 'the node is stopped')

    def _is_frozen(self):
        tasks = pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/stat')
        return all(task.read_text().rpartition(')')[2].split()[0] == 'T' for task in tasks)

    def stop(self, number=signal.SIGTERM):
        """Ends it by a signal; it must end well."""
        self.send(number)
        status = self.process.wait(timeout=READY_SECONDS)
        self.process = None
        if status != 0:
            raise AssertionError(f'kvnode ended with {status}:\n{self.said()}')

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def await_said(self, text, count=1):
        wait_until(lambda: self.said().count(text) >= count, f'kvnode says "{text}"')

    def context(self, name='root'):
        """TLS of somebody whose certificate is made on the first use; "root" is an admin."""
        certificate = self.pki / f'{name}.crt'
        if not certificate.exists():
            self.cert('create-admin' if name == 'root' else 'create-client', name)
        return tls_context(self.pki / 'ca.crt', certificate, self.pki / f'{name}.key')

    def connect(self, name='root'):
        return Connection(self.address, self.context(name))


class NodeTest(ClusterTest):
    """Gives each test nodes on demand."""

    def node(self, name='node'):
        node = Kvnode(self.directory / name)
        self.addCleanup(node.kill)
        self.addCleanup(lambda: self._failed() and print(f'--- {node.log}\n{node.said()[-4000:]}',
                                                         flush=True))
        return node
