#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `kvctl bench fs` on several filesystems in turn and prints medians and ratios per phase.

The sides alternate (A B A B ...), each time on a fresh, empty filesystem with the same caching
timeouts, so that a machine that is slow for a while is slow for both; each figure is the median of
its rounds, and each ratio, to the first side, is the median of the ratios within the rounds. Only
ratios within one run mean something. `ratio` is of operations a second, `p50 ratio` of the first
side's median latency to this one's: above 1 is faster in both. The first counts every stall of the
machine, the second none: on a busy machine only the second is of use.

With one thread it also measures one fdatasync between the rounds and prints the budget of a durable
operation: the first side's median latency + 1.3 times that.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import sides

DURABLE = {
    "mkdir", "create", "setxattr", "chmod", "rename", "rename-across", "unlink", "rmdir",
}  # fmt: skip
FDATASYNC_SHARE = 1.3


def bench(setup, side, args, fsync):
    """Phase -> result of one run, in order."""
    command = [setup.binary("kvctl"), "bench", "fs", "-o", "json", str(side.directory)]
    command += ["--threads", str(args.threads), "--files", str(args.files)]
    if args.shared:
        command.append("--shared")
    if args.phases:
        command += ["--phases", args.phases]
    if fsync:
        command.append("--fsync")
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise sides.BenchError(f"kvctl ended with status {done.returncode} on {side.name}")
    return {r["phase"]: r for r in json.loads(done.stdout)["results"]}


def measure(setup, args):
    """Side -> phase -> list of results; the fdatasync times of the rounds; the machine's load."""
    results = {name: {} for name in args.sides}
    syncs, loads = [], []
    for number in range(args.rounds):
        for name in args.sides:
            base, _, flag = name.partition("+")
            print(f"round {number + 1} of {args.rounds}: {name}", file=sys.stderr)
            loads.append(os.getloadavg()[0])
            with sides.open_side(base, setup) as side:
                for phase, result in bench(setup, side, args, flag == "fsync").items():
                    results[name].setdefault(phase, []).append(result)
        syncs.append(sides.fdatasync_us(setup))
    return results, syncs, loads


def median_ratio(numerators, denominators):
    pairs = zip(numerators, denominators)
    return statistics.median(a / b if b else float("inf") for a, b in pairs)


def summary(results, syncs, loads, args):
    """What is printed: one row a phase."""
    sync_us = statistics.median(syncs)
    first = args.sides[0]
    rows = []
    for phase in results[first]:
        row = {"phase": phase, "sides": {}}
        for name in args.sides:
            runs = [r for r in results[name].get(phase, []) if not r["skipped"]]
            if not runs:
                continue
            row["sides"][name] = {
                "ops_per_second": statistics.median(r["ops_per_second"] for r in runs),
                "p50_us": statistics.median(r["latency_us"]["p50"] for r in runs),
                "p99_us": statistics.median(r["latency_us"]["p99"] for r in runs),
                "rounds": [r["ops_per_second"] for r in runs],
                "rounds_p50_us": [r["latency_us"]["p50"] for r in runs],
                "cold": runs[0].get("cold"),
            }
        if first not in row["sides"]:
            continue
        base = row["sides"][first]
        for own in row["sides"].values():
            own["ratio"] = median_ratio(own["rounds"], base["rounds"])
            own["p50_ratio"] = median_ratio(base["rounds_p50_us"], own["rounds_p50_us"])
        if args.threads == 1 and phase in DURABLE:
            row["budget_us"] = row["sides"][first]["p50_us"] + FDATASYNC_SHARE * sync_us
        rows.append(row)
    return {
        "fdatasync_us": sync_us,
        "load_max": max(loads),
        "threads": args.threads,
        "files": args.files,
        "shared": args.shared,
        "rounds": args.rounds,
        "rows": rows,
    }


def print_markdown(report, names):
    budget = any("budget_us" in row for row in report["rows"])
    head = ["phase"]
    for i, name in enumerate(names):
        head += [f"{name} ops/s", "p50 us", "p99 us"] + (["ratio", "p50 ratio"] if i else [])
    head += ["budget us"] if budget else []
    print(f"{report['threads']} threads, {report['files']} files each"
          f"{', one shared directory' if report['shared'] else ''}, median of {report['rounds']} "
          f"rounds; one fdatasync: {report['fdatasync_us']:.0f} us; load average at most "
          f"{report['load_max']:.1f}\n")  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in report["rows"]:
        cells = [row["phase"]]
        for i, name in enumerate(names):
            v = row["sides"].get(name)
            if v is None:
                cells += ["-"] * (5 if i else 3)
                continue
            cells += [f"{v['ops_per_second']:.0f}", f"{v['p50_us']:.1f}", f"{v['p99_us']:.1f}"]
            cells += [f"{v['ratio']:.2f}", f"{v['p50_ratio']:.2f}"] if i else []
        if budget:
            cells.append(f"{row['budget_us']:.0f}" if "budget_us" in row else "")
        print("| " + " | ".join(cells) + " |")


def side_name(text):
    base, plus, flag = text.partition("+")
    if base not in sides.SIDES or (plus and flag != "fsync"):
        raise argparse.ArgumentTypeError(f"no side is named '{text}'")
    return text


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sides", nargs="*", type=side_name, default=["nullfs", "fusefs"],
                        help="nullfs, nullfs-flush (told of each close, as fusefs is), fusefs, "
                        "fusefs-tls (on a kvnode of its own), plain (a directory in the scratch "
                        "directory); +fsync after a name passes --fsync "
                        "(default: nullfs fusefs)")  # fmt: skip
    parser.add_argument("--threads", type=int, default=8, help="(default: %(default)s)")
    parser.add_argument("--files", type=int, default=5000,
                        help="for each thread (default: %(default)s)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--shared", action="store_true", help="all threads in one directory")
    parser.add_argument("--phases", help="as kvctl takes them (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    sides.add_setup_arguments(parser)
    args = parser.parse_args()
    setup = sides.setup_from(args)
    report = summary(*measure(setup, args), args)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print_markdown(report, args.sides)


if __name__ == "__main__":
    sides.run_main(main)
