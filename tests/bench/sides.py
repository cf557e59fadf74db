# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks run on: nullfs, fusefs (embedded, or on a kvnode over mutual TLS) and a plain
directory, as context managers.

A side gives a directory to work in and takes everything away at its end, also after an error,
SIGINT, SIGTERM or SIGHUP: its mount, its process (known by its process id, never by name) and its
files. Daemons are run in the foreground as children, so that none can outlive the script unseen.
"""

import contextlib
import functools
import dataclasses
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

# A kvnode with certificates of its own is the same for benchmarks as for tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))

READY_TIMEOUT_S = 60
END_TIMEOUT_S = 120
FDATASYNC_SAMPLES = 400
FDATASYNC_BYTES = 512


class BenchError(Exception):
    """Something that ends the benchmark with a message and exit status 1."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """What all sides of one run share."""

    bin_dir: pathlib.Path
    scratch: pathlib.Path
    attr_timeout: float = 60
    entry_timeout: float = 60
    negative_timeout: float = 60
    fusefs_options: str = ""

    def timeouts(self) -> str:
        return (
            f"attr_timeout={self.attr_timeout:g},entry_timeout={self.entry_timeout:g},"
            f"negative_timeout={self.negative_timeout:g}"
        )

    def binary(self, name: str) -> str:
        path = self.bin_dir / name
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path}: not there; build it or give --bin-dir")
        return str(path)


@dataclasses.dataclass
class Side:
    """A place to measure. `pid` is the daemon's; None where there is none."""

    name: str
    directory: pathlib.Path
    pid: int | None = None

    def rss_anon_bytes(self) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise BenchError(f"no RssAnon of process {self.pid}")


def disk_bytes(directory: pathlib.Path) -> int:
    """Blocks that the files below a directory take."""
    return sum(p.stat().st_blocks * 512 for p in directory.rglob("*") if p.is_file())


def is_mounted(directory: pathlib.Path) -> bool:
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        return any(line.split()[1] == str(directory) for line in mounts)


def _unmount(directory: pathlib.Path) -> None:
    tool = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
    for attempt in (tool, tool, ["fusermount3", "-uz"]):
        if not is_mounted(directory):
            return
        subprocess.run([*attempt, str(directory)], stderr=subprocess.DEVNULL, check=False)
        if is_mounted(directory):
            time.sleep(0.5)


def _end(process: subprocess.Popen) -> None:
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        what = f"{process.args[0]} did not end after its unmount and was killed"
        raise BenchError(what) from None


@contextlib.contextmanager
def mounted(command: list[str], mountpoint: pathlib.Path):
    """Runs a FUSE daemon in the foreground until the block ends. Yields its process."""
    mountpoint.mkdir(exist_ok=True)
    process = subprocess.Popen([*command, str(mountpoint)], stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not is_mounted(mountpoint):
            if process.poll() is not None:
                raise BenchError(f"{command[0]} ended unmounted, status {process.returncode}")
            if time.monotonic() > deadline:
                process.terminate()
                raise BenchError(f"{command[0]} was not mounted after {READY_TIMEOUT_S} s")
            time.sleep(0.02)
        os.stat(mountpoint)  # answered: it serves
        yield process
    finally:
        _unmount(mountpoint)
        _end(process)


@contextlib.contextmanager
def _scratch(setup: Setup):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="metaring-bench-", dir=setup.scratch))
    try:
        yield directory
    finally:
        # Never through a mount that could not be taken away.
        if not any(is_mounted(p) for p in directory.iterdir()):
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _nullfs(setup: Setup, *, flush: bool = False):
    """With flush the kernel tells it of each close(2), as it tells any that keeps content."""
    with _scratch(setup) as scratch:
        options = setup.timeouts() + (",flush" if flush else "")
        command = [setup.binary("nullfs"), "-f", "-o", options]
        with mounted(command, scratch / "mount") as process:
            yield Side("nullfs", scratch / "mount", process.pid)


@contextlib.contextmanager
def kept_store(setup: Setup):
    """A directory for a store that is mounted more than once, a place for its mount beside it."""
    with _scratch(setup) as scratch:
        yield scratch / "store"


@contextlib.contextmanager
def fusefs_on(setup: Setup, store: pathlib.Path):
    options = ",".join(filter(None, ["volume=default", setup.timeouts(), setup.fusefs_options]))
    command = [setup.binary("fusefs"), "-f", "-o", options, f"embedded:{store}"]
    mountpoint = store.parent / "mount"
    with mounted(command, mountpoint) as process:
        yield Side("fusefs", mountpoint, process.pid)


@contextlib.contextmanager
def _fusefs(setup: Setup):
    with kept_store(setup) as store, fusefs_on(setup, store) as side:
        yield side


@contextlib.contextmanager
def kvnode(setup: Setup, **sections):
    """A new node, its sections of configuration as node_harness.Kvnode takes them. Yields it."""
    os.environ["METARING_KVNODE"] = setup.binary("kvnode")
    os.environ["METARING_KVCTL"] = setup.binary("kvctl")
    import node_harness  # reads the two at its import

    with _scratch(setup) as scratch:
        node = node_harness.Kvnode(scratch / "node")
        node.configure(**sections)
        try:
            yield node.start()
        finally:
            node.kill()


@contextlib.contextmanager
def _fusefs_tls(setup: Setup):
    with kvnode(setup) as node:
        node.context("root")  # makes the certificate
        identity = f"ca={node.pki}/ca.crt,cert={node.pki}/root.crt,key={node.pki}/root.key"
        options = ",".join(filter(None, [identity, setup.timeouts(), setup.fusefs_options]))
        command = [setup.binary("fusefs"), "-f", "-o", options, f"{node.address}/bench"]
        mountpoint = node.directory.parent / "mount"
        with mounted(command, mountpoint) as process:
            yield Side("fusefs-tls", mountpoint, process.pid)


@contextlib.contextmanager
def _plain(setup: Setup):
    with _scratch(setup) as scratch:
        (scratch / "plain").mkdir()
        yield Side("plain", scratch / "plain")


SIDES = {
    "nullfs": _nullfs,
    "nullfs-flush": functools.partial(_nullfs, flush=True),
    "fusefs": _fusefs,
    "fusefs-tls": _fusefs_tls,
    "plain": _plain,
}


def open_side(name: str, setup: Setup):
    """The context manager of a side; a new, empty one at each call, on an idle disk."""
    subprocess.run(["sync", "-f", str(setup.scratch)], check=True)
    return SIDES[name](setup)


def fdatasync_us(setup: Setup) -> float:
    """Median time of one fdatasync after overwriting a sector's worth of allocated file."""
    samples = []
    with tempfile.NamedTemporaryFile(prefix="metaring-bench-", dir=setup.scratch) as file:
        fd = file.fileno()
        os.pwrite(fd, bytes(FDATASYNC_BYTES * FDATASYNC_SAMPLES), 0)
        os.fsync(fd)
        for i in range(FDATASYNC_SAMPLES):
            os.pwrite(fd, b"x" * FDATASYNC_BYTES, i * FDATASYNC_BYTES)
            begin = time.perf_counter_ns()
            os.fdatasync(fd)
            samples.append(time.perf_counter_ns() - begin)
    return statistics.median(samples) / 1e3


def add_setup_arguments(parser) -> None:
    here = pathlib.Path(__file__).resolve()
    parser.add_argument(
        "--bin-dir",
        type=pathlib.Path,
        default=here.parents[2] / "build" / "release" / "bin",
        help="where kvctl, nullfs and fusefs are (default: %(default)s)",
    )
    parser.add_argument(
        "--scratch",
        type=pathlib.Path,
        default=pathlib.Path("/var/tmp"),
        help="a directory on the disk to measure; all is removed again (default: %(default)s)",
    )
    for name, what in (("attr", "attributes"), ("entry", "names"), ("negative", "missing names")):
        parser.add_argument(
            f"--{name}-timeout",
            type=float,
            default=60,
            metavar="S",
            help=f"both mounts let the kernel keep {what} so long (default: %(default)s)",
        )
    parser.add_argument(
        "--fusefs-options", default="", metavar="LIST", help="further -o options for fusefs alone"
    )


def setup_from(args) -> Setup:
    return Setup(
        bin_dir=args.bin_dir,
        scratch=args.scratch,
        attr_timeout=args.attr_timeout,
        entry_timeout=args.entry_timeout,
        negative_timeout=args.negative_timeout,
        fusefs_options=args.fusefs_options,
    )


def run_main(main) -> None:
    """Calls `main`, turning signals and errors into an orderly end with an exit status."""

    name = pathlib.Path(sys.argv[0]).name

    def end(number, _frame):
        for other in watched:  # a second signal must not end the clean-up of the first
            signal.signal(other, signal.SIG_IGN)
        print(f"{name}: ended by signal {number}", file=sys.stderr)
        sys.exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    watched = [n for n in numbers if signal.getsignal(n) != signal.SIG_IGN]  # nohup's wish
    for number in watched:
        signal.signal(number, end)
    try:
        main()
    except (BenchError, OSError, subprocess.SubprocessError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
