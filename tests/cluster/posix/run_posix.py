#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the POSIX suite on a mount of fusefs, or on a directory of the host.

  run_posix.py --test POSIX_TEST --fusefs FUSEFS [--filter PATTERN] [--mount-options OPTIONS]
  run_posix.py --test POSIX_TEST --host DIRECTORY [--filter PATTERN]

The mount lives in a temporary directory and is gone when this ends, however it ends. Exit status
77: this machine cannot run it (not root, no /dev/fuse, or the host's filesystem is no reference).
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
FUSEFS_FEATURES = "large_xattrs,far_times,symlink_length"
MOUNT_OPTIONS = "allow_other,dev,suid"
START_SECONDS = 60
STOP_SECONDS = 60
SUITE_SECONDS = 540
REFERENCE_FILESYSTEMS = {"ext2/ext3", "xfs", "btrfs"}  # as stat -f calls them; ext4 is the first


def skip(reason):
    print(f"skipped: {reason}")
    return SKIPPED


def run_suite(test, directory, features, pattern):
    environment = dict(os.environ, METARING_POSIX_DIR=directory, METARING_POSIX_FEATURES=features)
    command = [test, "--gtest_brief=1"]
    if pattern:
        command.append(f"--gtest_filter={pattern}")
    try:
        return subprocess.run(command, env=environment, cwd="/", timeout=SUITE_SECONDS).returncode
    except subprocess.TimeoutExpired:
        print(f"the suite did not end within {SUITE_SECONDS} s")
        return 1


def on_host(arguments):
    kind = subprocess.run(["stat", "-f", "-c", "%T", arguments.host], check=True,
                          capture_output=True, text=True).stdout.strip()
    if kind not in REFERENCE_FILESYSTEMS:
        return skip(f"{arguments.host} lies on {kind}, which is no reference")
    with tempfile.TemporaryDirectory(prefix="posix-", dir=arguments.host) as directory:
        return run_suite(arguments.test, directory, "", arguments.filter)


def wait_for_mount(process, mountpoint):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if os.path.ismount(mountpoint):
            return True
        time.sleep(0.05)
    return False


def stop(process, mountpoint):
    """Unmounts and ends the daemon; True when it went by itself with status 0."""
    if os.path.ismount(mountpoint):
        subprocess.run(["umount", mountpoint], check=False)
    try:
        return process.wait(timeout=STOP_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    finally:
        if os.path.ismount(mountpoint):
            subprocess.run(["umount", "-l", mountpoint], check=False)


def on_fusefs(arguments):
    if not os.path.exists("/dev/fuse"):
        return skip("no /dev/fuse")
    with tempfile.TemporaryDirectory(prefix="metaring-posix-") as base:
        store, mountpoint = os.path.join(base, "store"), os.path.join(base, "mnt")
        os.mkdir(store)
        os.mkdir(mountpoint)
        options = ",".join(filter(None, [MOUNT_OPTIONS, arguments.mount_options]))
        process = subprocess.Popen(
            [arguments.fusefs, "-f", "-o", options, f"embedded:{store}", mountpoint])
        status = 1
        try:
            if wait_for_mount(process, mountpoint):
                status = run_suite(arguments.test, mountpoint, FUSEFS_FEATURES, arguments.filter)
                if process.poll() is not None:
                    print(f"fusefs ended during the suite with status {process.returncode}")
                    status = 1
            else:
                print("fusefs did not mount")
        finally:
            if not stop(process, mountpoint):
                print("fusefs did not end by itself with status 0")
                status = status or 1
        if status == 0:
            status = subprocess.run([arguments.fusefs, "check", f"embedded:{store}"]).returncode
        return status


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fusefs")
    where.add_argument("--host")
    parser.add_argument("--filter", default="")
    parser.add_argument("--mount-options", default="")
    arguments = parser.parse_args()
    # Ending by a signal must unmount too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.geteuid() != 0:
        return skip("only root can be other users")
    return on_host(arguments) if arguments.host else on_fusefs(arguments)


if __name__ == "__main__":
    sys.exit(main())
