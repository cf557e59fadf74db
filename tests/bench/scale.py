#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a million files cost fusefs: bytes on disk, memory, and the time of an operation.

1. Memory after a mount of an empty volume (RssAnon).
2. --large empty files are made in directories of --large / --threads. Memory again: what it grew
   by, for each inode that the kernel still references (active objects of its fuse_inode cache,
   which only root may see).
3. Unmounted: blocks on disk, less those of a store that was only formatted, for each file.
4. Mounted again: memory, and the time that the mount took.
5. On fresh stores, `kvctl bench fs` with --small and with --large files: the ratio of the time of
   an operation. The small runs are repeated and stand before and after the large one.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import sides

PHASES = "create,stat-cold,stat-missing,readdir-stat,setxattr,getxattr,chmod,rename,unlink"
SMALL_ROUNDS = 3


def bench(setup, side, threads, files, phases, *more):
    command = [setup.binary("kvctl"), "bench", "fs", "-o", "json", str(side.directory)]
    command += ["--threads", str(threads), "--files", str(files // threads), "--phases", phases]
    done = subprocess.run([*command, *more], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise sides.BenchError(f"kvctl ended with status {done.returncode}")
    return {r["phase"]: r for r in json.loads(done.stdout)["results"]}


def kernel_inodes():
    """Inodes of all FUSE mounts that the kernel holds; None without the right to know."""
    try:
        for line in pathlib.Path("/proc/slabinfo").read_text().splitlines():
            if line.startswith("fuse_inode "):
                return int(line.split()[1])
    except PermissionError:
        pass
    return None


def say(text):
    print(text, file=sys.stderr)


def fill(setup, args, report):
    """Steps 1 to 4."""
    with sides.kept_store(setup) as store:
        with sides.fusefs_on(setup, store) as side:
            report["rss_anon_empty_bytes"] = side.rss_anon_bytes()
        report["disk_empty_bytes"] = sides.disk_bytes(store)
        say(f"making {args.large} files")
        with sides.fusefs_on(setup, store) as side:
            before, held = side.rss_anon_bytes(), kernel_inodes()
            bench(setup, side, args.threads, args.large, "create", "--keep")
            report["rss_anon_full_bytes"] = side.rss_anon_bytes()
            if held is not None:
                report["kernel_inodes"] = kernel_inodes() - held
                report["rss_anon_per_inode_bytes"] = (side.rss_anon_bytes() - before) / max(
                    report["kernel_inodes"], 1
                )
        report["disk_full_bytes"] = sides.disk_bytes(store)
        grown = report["disk_full_bytes"] - report["disk_empty_bytes"]
        report["disk_per_file_bytes"] = grown / args.large
        begin = time.monotonic()
        with sides.fusefs_on(setup, store) as side:
            report["remount_seconds"] = time.monotonic() - begin
            report["rss_anon_remounted_bytes"] = side.rss_anon_bytes()


def cost(setup, args, report):
    """Step 5."""
    small = {}

    def small_rounds():
        for _ in range(SMALL_ROUNDS):
            with sides.open_side("fusefs", setup) as side:
                for phase, r in bench(setup, side, args.threads, args.small, args.phases).items():
                    small.setdefault(phase, []).append(r["ops_per_second"])

    say(f"measuring with {args.small} files")
    small_rounds()
    say(f"measuring with {args.large} files")
    with sides.open_side("fusefs", setup) as side:
        large = bench(setup, side, args.threads, args.large, args.phases)
    small_rounds()
    report["phases"] = {}
    for phase, r in large.items():
        few = statistics.median(small[phase])
        report["phases"][phase] = {
            "ops_per_second_small": few,
            "ops_per_second_large": r["ops_per_second"],
            "cost_ratio": few / r["ops_per_second"],
        }


def print_markdown(report, args):
    mib = 1 << 20
    print(f"{args.large} empty files, {args.threads} threads\n")
    print("| what | figure |\n|---|---:|")
    if "disk_per_file_bytes" in report:
        print(f"| disk, each file | {report['disk_per_file_bytes']:.0f} B |")
        print(f"| disk, empty store | {report['disk_empty_bytes'] / mib:.1f} MiB |")
        print(f"| RssAnon after mount, empty | {report['rss_anon_empty_bytes'] / mib:.1f} MiB |")
        print(f"| RssAnon with all files | {report['rss_anon_full_bytes'] / mib:.1f} MiB |")
        if "kernel_inodes" in report:
            print(f"| inodes that the kernel holds then | {report['kernel_inodes']} |")
            print(f"| RssAnon, each of those | {report['rss_anon_per_inode_bytes']:.0f} B |")
        again = report["rss_anon_remounted_bytes"] / mib
        print(f"| RssAnon after mounting again | {again:.1f} MiB |")
        print(f"| mounting again | {report['remount_seconds']:.2f} s |")
    if "phases" in report:
        print(f"\n| phase | ops/s at {args.small} | ops/s at {args.large} | cost ratio |")
        print("|---|---:|---:|---:|")
        for phase, r in report["phases"].items():
            few, many = r["ops_per_second_small"], r["ops_per_second_large"]
            print(f"| {phase} | {few:.0f} | {many:.0f} | {r['cost_ratio']:.2f} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--small", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=8, help="(default: %(default)s)")
    parser.add_argument("--phases", default=PHASES, help="of step 5 (default: %(default)s)")
    parser.add_argument("--only", choices=["space", "time"], help="steps 1 to 4, or step 5, alone")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    sides.add_setup_arguments(parser)
    args = parser.parse_args()
    setup = sides.setup_from(args)
    report = {}
    if args.only != "time":
        fill(setup, args, report)
    if args.only != "space":
        cost(setup, args, report)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print_markdown(report, args)


if __name__ == "__main__":
    sides.run_main(main)
