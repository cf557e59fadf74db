#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Stock is one key for each kind of thing. Taking some compares the number that was read, so that
# two clerks at once never hand out the same bolt.
"""Counts an inventory that several programs may change at once.

    kvctl keyspace create inventory --mode strong
    PYTHONPATH=build/release/python /usr/bin/python3 kvnode/client/python/examples/inventory.py
"""

import argparse

import metaring


def stock(keyspace: metaring.Keyspace, kind: str, count: int) -> None:
    keyspace.put(f'stock/{kind}', str(count))


def take(keyspace: metaring.Keyspace, kind: str, count: int) -> bool:
    """False when there are not so many."""
    key = f'stock/{kind}'
    while True:
        there = keyspace.get_record(key)
        left = int(there.value) - count if there else -1
        if there is None or left < 0:
            return False
        transaction = metaring.Transaction().require_version(key, there.version)
        if keyspace.transact(transaction.put(key, str(left))):
            return True


def show(keyspace: metaring.Keyspace) -> None:
    for item in keyspace.scan('stock/'):
        print(f'{item.key.decode().removeprefix("stock/")}: {int(item.value)}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', help='a kvctl.toml; default: METARING_CONFIG')
    arguments = parser.parse_args()
    with metaring.Client(config=arguments.config) as client:
        keyspace = client.keyspace('inventory')
        stock(keyspace, 'bolts', 40)
        stock(keyspace, 'nuts', 60)
        show(keyspace)
        for count, kind in ((5, 'bolts'), (1000, 'nuts')):
            print(f'{"taken" if take(keyspace, kind, count) else "not taken"}: {count} {kind}')
        show(keyspace)


if __name__ == '__main__':
    main()
