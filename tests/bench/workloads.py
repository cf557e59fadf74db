#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times what people do with small files, on several filesystems.

  tar-x            tar x of --files small files in directories of 100
  rm-rf            rm -rf of them
  git-clone        git clone of a repository, over git's own protocol (no hard links to the source)
  git-status       git status in the clone, straight after it
  git-status-cold  the same after the kernel forgot names, attributes and pages (only as root)

The sides: nullfs, fusefs, fusefs-tls (on a kvnode), plain (a directory in the scratch directory,
mostly on ext4), and
  plain+syncfs     each step ends with syncfs: all of it durable at the end of the step
  plain+dirsync    chattr +D: each namespace operation durable before its answer, as in fusefs

The sides alternate; each figure is the median of its rounds, the ratio is to `plain`. The archive
and the repository (generated with history, or --repository) are on the plain side's disk for all.
"""

import argparse
import io
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import sides

FILES_PER_DIRECTORY = 100
ALL_SIDES = ["plain", "plain+syncfs", "plain+dirsync", "nullfs", "fusefs"]
FLAGS = ("", "syncfs", "dirsync")
GIT_ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
    # No gc in the background, beside what is timed.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
}
WORDS = "if for while return struct static const int char void size_t include define key".split()


def run(command, **more):
    done = subprocess.run(command, env={**os.environ, **GIT_ENV}, capture_output=True, **more)
    if done.returncode != 0:
        what = " ".join(map(str, command))
        raise sides.BenchError(f"{what}: {done.stderr.decode(errors='replace').strip()}")


def text(rng, size):
    """About `size` bytes that compress like source text."""
    lines = []
    while size > 0:
        line = " ".join(rng.choices(WORDS, k=rng.randint(2, 12))) + f" {rng.randint(0, 9999)}\n"
        lines.append(line)
        size -= len(line)
    return "".join(lines).encode()


def make_tar(path, files):
    rng = random.Random(1)
    with tarfile.open(path, "w") as tar:
        for i in range(files):
            if i % FILES_PER_DIRECTORY == 0:
                entry = tarfile.TarInfo(f"tree/d{i // FILES_PER_DIRECTORY}")
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            data = text(rng, rng.randint(100, 3000))
            entry = tarfile.TarInfo(f"tree/d{i // FILES_PER_DIRECTORY}/f{i}.c")
            entry.size, entry.mode, entry.mtime = len(data), 0o644, 1_600_000_000 + i
            tar.addfile(entry, io.BytesIO(data))


def make_repository(path, files, commits):
    """A repository of `files` files in which each commit changes a few."""
    rng = random.Random(2)
    run(["git", "init", "-q", "-b", "main", str(path)])
    names = [path / f"src{i % 17}" / f"part{i % 61}" / f"file{i}.c" for i in range(files)]
    for name in names:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(text(rng, int(rng.paretovariate(1.3) * 1000) % 60_000))
    for number in range(commits):
        for name in rng.sample(names, min(20, files)):
            with open(name, "ab") as file:
                file.write(text(rng, 200))
        run(["git", "-C", str(path), "add", "-A"])
        run(["git", "-C", str(path), "commit", "-q", "-m", f"commit {number}"])
    run(["git", "-C", str(path), "gc", "-q"])


def drop_all_caches():
    """False without the right to."""
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


class Workload:
    """The steps on one side, each timed."""

    def __init__(self, side, flag, tar, repository):
        self.root = side.directory
        self.flag = flag
        self.tar = tar
        self.repository = repository
        self.seconds = {}
        if flag == "dirsync":
            run(["chattr", "+D", str(self.root)])

    def time(self, step, command):
        run(["sync", "-f", str(self.root), str(self.tar)])  # what came before is not this step's
        begin = time.monotonic()
        run(command)
        if self.flag == "syncfs":
            run(["sync", "-f", str(self.root)])
        self.seconds[step] = time.monotonic() - begin

    def run_all(self):
        clone = str(self.root / "clone")
        self.time("tar-x", ["tar", "xf", str(self.tar), "-C", str(self.root)])
        self.time("rm-rf", ["rm", "-rf", str(self.root / "tree")])
        self.time("git-clone", ["git", "clone", "-q", f"file://{self.repository}", clone])
        self.time("git-status", ["git", "-C", clone, "status", "--porcelain"])
        if drop_all_caches():
            self.time("git-status-cold", ["git", "-C", clone, "status", "--porcelain"])
        return self.seconds


def side_name(name):
    base, plus, flag = name.partition("+")
    if base not in sides.SIDES or flag not in FLAGS or (plus and base != "plain"):
        raise argparse.ArgumentTypeError(f"no side is named '{name}'")
    return name


def measure(setup, args, tar, repository):
    seconds = {}
    for number in range(args.rounds):
        for name in args.sides:
            print(f"round {number + 1} of {args.rounds}: {name}", file=sys.stderr)
            base, _, flag = name.partition("+")
            with sides.open_side(base, setup) as side:
                for step, took in Workload(side, flag, tar, repository).run_all().items():
                    seconds.setdefault(step, {}).setdefault(name, []).append(took)
    return seconds


def print_markdown(seconds, args):
    print(f"{args.files} files in the archive, {args.repository or 'a generated repository'}; "
          f"seconds, median of {args.rounds} rounds, and the ratio to plain\n")  # fmt: skip
    print("| step | " + " | ".join(args.sides) + " |")
    print("|---|" + "---:|" * len(args.sides))
    for step, by_side in seconds.items():
        plain = statistics.median(by_side["plain"]) if "plain" in by_side else None
        cells = []
        for name in args.sides:
            took = statistics.median(by_side[name])
            ratio = f" ({took / plain:.2f})" if plain and name != "plain" else ""
            cells.append(f"{took:.3f}{ratio}")
        print(f"| {step} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sides", nargs="*", type=side_name, default=ALL_SIDES,
                        help=f"(default: {' '.join(ALL_SIDES)})")  # fmt: skip
    parser.add_argument("--files", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--repository", type=pathlib.Path, help="clone this one instead")
    parser.add_argument("--repository-files", type=int, default=2000,
                        help="(default: %(default)s)")  # fmt: skip
    parser.add_argument("--commits", type=int, default=40, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    sides.add_setup_arguments(parser)
    args = parser.parse_args()
    setup = sides.setup_from(args)
    with tempfile.TemporaryDirectory(prefix="metaring-bench-", dir=args.scratch) as inputs:
        tar = pathlib.Path(inputs) / "small.tar"
        make_tar(tar, args.files)
        repository = args.repository
        if repository is None:
            repository = pathlib.Path(inputs) / "repository"
            make_repository(repository, args.repository_files, args.commits)
        seconds = measure(setup, args, tar, repository.resolve())
    if args.json:
        print(json.dumps(seconds, indent=2))
    else:
        print_markdown(seconds, args)


if __name__ == "__main__":
    sides.run_main(main)
