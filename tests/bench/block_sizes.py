#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What block_size and small_limit cost and gain: the measurement behind their defaults.

For each pair, a fresh volume and these steps, in seconds:

  tar-x      tar x of --files files of 100 B to 60 KB, most of them small (as source trees are)
  read-all   reading all of them, nothing cached
  ls         a listing with attributes of all of them, nothing cached
  write      --stream-mib MiB in one file by writes of 1 MiB, then fsync
  read       reading it, nothing cached
  update     --updates overwrites of 4 KiB at random places of it, then fsync

and the bytes that the volume then takes on disk. The pairs alternate; figures are medians.
"""

import argparse
import dataclasses
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

MIB = 1 << 20
PAIRS = ["16K:0", "16K:4K", "64K:0", "64K:1K", "64K:4K", "64K:16K", "64K:64K", "256K:4K", "512K:4K"]


def make_tar(path, files):
    rng = random.Random(1)
    with tarfile.open(path, "w") as tar:
        for number in range(files):
            data = rng.randbytes(100 + int(rng.paretovariate(1.1) * 1000) % 60_000)
            entry = tarfile.TarInfo(f"tree/d{number // 100}/f{number}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def forget():
    """Writes out what is dirty and drops the kernel's caches; without root it goes on."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        pass


def read_all(root):
    for directory, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(directory, name), "rb", buffering=0) as file:
                while file.read(MIB):
                    pass


def stat_all(root):
    for directory, _, _ in os.walk(root):
        with os.scandir(directory) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)


def write_stream(path, size):
    data = random.Random(2).randbytes(MIB)
    with open(path, "wb", buffering=0) as file:
        for _ in range(size // MIB):
            file.write(data)
        os.fsync(file.fileno())


def update(path, size, count):
    rng = random.Random(3)
    data = rng.randbytes(4096)
    with open(path, "r+b", buffering=0) as file:
        for _ in range(count):
            os.pwrite(file.fileno(), data, rng.randrange(size // 4096) * 4096)
        os.fsync(file.fileno())


def steps(root, tar, args):
    stream, size = root / "stream", args.stream_mib * MIB
    yield "tar-x", lambda: subprocess.run(["tar", "xf", str(tar), "-C", str(root)], check=True)
    yield "read-all", lambda: read_all(root / "tree")
    yield "ls", lambda: stat_all(root / "tree")
    yield "write", lambda: write_stream(stream, size)
    yield "read", lambda: read_all(root)
    yield "update", lambda: update(stream, size, args.updates)


def measure(setup, pair, tar, args):
    block_size, _, small_limit = pair.partition(":")
    options = f"block_size={block_size},small_limit={small_limit}"
    found = {}
    with sides.kept_store(setup) as store:
        with sides.fusefs_on(dataclasses.replace(setup, fusefs_options=options), store) as side:
            for step, run in steps(side.directory, tar, args):
                forget()
                begin = time.monotonic()
                run()
                found[step] = time.monotonic() - begin
        found["MiB on disk"] = sides.disk_bytes(store) / MIB
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="*", default=PAIRS, metavar="BLOCK_SIZE:SMALL_LIMIT",
                        help=f"(default: {' '.join(PAIRS)})")  # fmt: skip
    parser.add_argument("--files", type=int, default=3000, help="(default: %(default)s)")
    parser.add_argument("--stream-mib", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--updates", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    sides.add_setup_arguments(parser)
    args = parser.parse_args()
    setup = sides.setup_from(args)
    rounds = {pair: [] for pair in args.pairs}
    with tempfile.TemporaryDirectory(prefix="metaring-bench-", dir=args.scratch) as inputs:
        tar = pathlib.Path(inputs) / "tree.tar"
        make_tar(tar, args.files)
        for number in range(args.rounds):
            for pair in args.pairs:
                print(f"round {number + 1} of {args.rounds}: {pair}", file=sys.stderr)
                rounds[pair].append(measure(setup, pair, tar, args))
    if args.json:
        print(json.dumps(rounds, indent=2))
        return
    names = list(rounds[args.pairs[0]][0])
    print("| block_size:small_limit | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for pair, found in rounds.items():
        cells = (f"{statistics.median(one[name] for one in found):.2f}" for name in names)
        print(f"| {pair} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sides.run_main(main)
