#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a kvnode does over mutual TLS, against what each part alone can do on the same machine.

Measured in turn, --rounds times; each figure is the median of its rounds, each ratio the median of
the ratios within the rounds:

  get     `kvctl bench kv` against the bare echo of the transport (rpc_echo), 2 connections of 64
          requests in flight each, and one request at a time
  put     64 in flight against what LMDB alone commits, 64 a transaction (lmdb_bench); one at a
          time against one fdatasync and one echo
  1 MiB   gets against what TLS alone moves between two processes, puts against synchronous writes
          of 1 MiB one after the other; the node's memory before and after
  idle    what --idle connections that do nothing cost the node, and a get beside them

The client, kvctl, runs on the same processors.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import sides

MIB = 1 << 20
LARGE_TOTAL_BYTES = 512 * MIB
SYNC_WRITES = 128
IDLE_MS = 3_600_000
ECHO = re.compile(r"([\d.]+) ops/s, p50 ([\d.]+) us")


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise sides.BenchError(f"{command[0]} ended with status {done.returncode}")
    return done.stdout.decode()


class Bench:
    """One node, and the programs that are run against it and beside it."""

    def __init__(self, setup, node, args):
        self.setup, self.node, self.args = setup, node, args
        node.context("root")  # makes the certificate
        pki = node.pki
        self.identity = ["--ca", pki / "ca.crt", "--cert", pki / "root.crt",
                         "--key", pki / "root.key"]  # fmt: skip
        self.kvctl("keyspace", "create", "bench", "--mode", "strong")

    def kvctl(self, *arguments):
        return run(self.setup.binary("kvctl"), *arguments, "-e", self.node.address, *self.identity)

    def kv(self, connections, in_flight, value_bytes=200, keys=10_000):
        """Phase -> its result."""
        text = self.kvctl("bench", "kv", "bench", "-o", "json",
                          "--connections", connections, "--in-flight", in_flight,
                          "--value-bytes", value_bytes, "--keys", keys,
                          "--seconds", self.args.seconds)  # fmt: skip
        return {result["phase"]: result for result in json.loads(text)["results"]}

    def echo(self, connections, in_flight):
        """(operations a second, median latency in us)."""
        text = run(self.setup.binary("rpc_echo"), "--connections", connections,
                   "--in-flight", in_flight, "--seconds", self.args.seconds)  # fmt: skip
        return tuple(map(float, ECHO.search(text).groups()))

    def lmdb(self, batch):
        with tempfile.TemporaryDirectory(prefix="metaring-bench-", dir=self.setup.scratch) as path:
            text = run(self.setup.binary("lmdb_bench"), path, "--batch", batch,
                       "--seconds", self.args.seconds)  # fmt: skip
        return float(text.splitlines()[-1].split()[1])

    def rss_anon_bytes(self):
        return sides.Side("kvnode", self.node.directory, self.node.process.pid).rss_anon_bytes()


def tls_bytes_per_second(node):
    """One connection, 1 MiB a send and a receive: a child sends, this process receives."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(node.pki / f"{node.name}.crt", node.pki / f"{node.name}.key")
    server.load_verify_locations(node.pki / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with server.wrap_socket(connection, server_side=True) as stream:
                    block = bytes(MIB)
                    for _ in range(LARGE_TOTAL_BYTES // MIB):
                        stream.sendall(block)
                    stream.recv(1)  # until the other has everything
            os._exit(0)
        try:
            raw = socket.create_connection(listener.getsockname())
            with node.context("root").wrap_socket(raw, server_hostname="127.0.0.1") as stream:
                begin, received, buffer = time.perf_counter(), 0, bytearray(MIB)
                while received < LARGE_TOTAL_BYTES:
                    received += stream.recv_into(buffer)
                took = time.perf_counter() - begin
        finally:
            os.waitpid(child, 0)
    return LARGE_TOTAL_BYTES / took


def sync_write_bytes_per_second(scratch):
    with tempfile.NamedTemporaryFile(prefix="metaring-bench-", dir=scratch) as file:
        block = os.urandom(MIB)
        begin = time.perf_counter()
        for i in range(SYNC_WRITES):
            os.pwrite(file.fileno(), block, i * MIB)
            os.fdatasync(file.fileno())
        return SYNC_WRITES * MIB / (time.perf_counter() - begin)


@contextlib.contextmanager
def idle_connections(node, count):
    """Connections that have said who they are and nothing else."""
    host, _, port = node.address.rpartition(":")
    context = node.context("root")
    streams, lock, failures = [], threading.Lock(), []

    def connect(share):
        try:
            for _ in range(share):
                raw = socket.create_connection((host, int(port)))
                stream = context.wrap_socket(raw, server_hostname=host)
                with lock:
                    streams.append(stream)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=connect, args=(count // 4,)) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise sides.BenchError(f"after {len(streams)} idle connections: {failures[0]}")
        yield
    finally:
        for stream in streams:
            stream.close()


def measure_round(bench, args):
    """Name -> (ours, the measure), as rates, or as times where the name says us."""
    rows = {}
    deep, (echo_rate, _) = bench.kv(2, 64), bench.echo(2, 64)
    rows["get/s, 2 x 64 against echo/s"] = (deep["get"]["ops_per_second"], echo_rate)
    single, (_, echo_us) = bench.kv(1, 1), bench.echo(1, 1)
    sync_us = sides.fdatasync_us(bench.setup)
    rows["get us, 1 in flight, against echo us"] = (single["get"]["latency_us"]["p50"], echo_us)
    rows["put us, 1 in flight, against fdatasync + echo us"] = (
        single["put"]["latency_us"]["p50"], sync_us + echo_us)  # fmt: skip
    one = bench.kv(1, 64)
    rows["put/s, 64 in flight, against LMDB, 64 a commit"] = (
        one["put"]["ops_per_second"], bench.lmdb(64))  # fmt: skip
    large = bench.kv(1, 8, value_bytes=MIB, keys=64)
    rows["get MiB/s, 1 MiB, against TLS alone"] = (
        large["get"]["ops_per_second"], tls_bytes_per_second(bench.node) / MIB)  # fmt: skip
    rows["put MiB/s, 1 MiB, against synchronous writes"] = (
        large["put"]["ops_per_second"],
        sync_write_bytes_per_second(args.scratch) / MIB)  # fmt: skip
    return rows


def measure_idle(bench, args):
    """Bytes that a connection costs, and a get's p99 without and with them."""
    alone = bench.kv(1, 1)["get"]["latency_us"]["p99"]
    before = bench.rss_anon_bytes()
    with idle_connections(bench.node, args.idle):
        each = (bench.rss_anon_bytes() - before) / args.idle
        beside = bench.kv(1, 1)["get"]["latency_us"]["p99"]
    return each, alone, beside


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3, help="each (default: %(default)s)")
    parser.add_argument("--idle", type=int, default=2000, help="(default: %(default)s)")
    sides.add_setup_arguments(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    setup = sides.setup_from(args)
    limits = {"connections_per_address_max": args.idle + 100, "connections_max": args.idle + 1000,
              "idle_ms": IDLE_MS}  # fmt: skip
    rounds = []
    with sides.kvnode(setup, limits=limits) as node:
        bench = Bench(setup, node, args)
        started = bench.rss_anon_bytes()
        for number in range(args.rounds):
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
            rounds.append(measure_round(bench, args))
        worked = bench.rss_anon_bytes()
        each, alone, beside = measure_idle(bench, args)
    print(f"median of {args.rounds} rounds of {args.seconds} s; load average at the end "
          f"{os.getloadavg()[0]:.1f}\n\n| | kvnode | alone | ratio |\n|---|---:|---:|---:|")
    for name in rounds[0]:
        ours, theirs = zip(*(r[name] for r in rounds))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"| {name} | {statistics.median(ours):,.1f} | {statistics.median(theirs):,.1f} "
              f"| {ratio:.2f} |")
    print(f"\n{args.idle} idle connections: {each / 1024:.1f} KiB each in the node; p99 of one get "
          f"at a time {alone:.0f} us without, {beside:.0f} us with them.\nRssAnon of the node: "
          f"{started / MIB:.1f} MiB at its start, {worked / MIB:.1f} MiB after all of it.")


if __name__ == "__main__":
    sides.run_main(main)
