# SPDX-License-Identifier: Apache-2.0
"""Names for a client's writes, so that a retry returns the first outcome.

A node keeps the newest OUTCOMES_PER_CLIENT_MAX outcomes of a client and calls anything older
unknown. So the writes of one client id must span no more sequences than that, from the lowest that
has not ended to the newest; but one write that is retried for long must not stop the others.
Therefore there are lanes, each a client of its own to the nodes: when the first is full the next is
used (kvnode/client/request_ids.h).
"""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

from .errors import Busy
from .wire.kv import ttypes

OUTCOMES_PER_CLIENT_MAX = 256
LANES_MAX = 64


class _Lane:
    def __init__(self) -> None:
        self.client = secrets.randbelow((1 << 63) - 1) + 1
        self.next = 1
        self.lowest = 1  # that has not ended, else `next`
        self._ended: set[int] = set()  # of [lowest, next)

    def full(self) -> bool:
        return self.next - self.lowest >= OUTCOMES_PER_CLIENT_MAX

    def end(self, sequence: int) -> None:
        self._ended.add(sequence)
        while self.lowest in self._ended:
            self._ended.remove(self.lowest)
            self.lowest += 1


class RequestIds:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: list[_Lane] = []

    @contextlib.contextmanager
    def one(self) -> Iterator[Any]:
        """A RequestId for one write and its retries, which end with the block. Busy when all lanes
        are full."""
        with self._lock:
            lane = self._free_lane()
            sequence = lane.next
            lane.next += 1
            request_id = ttypes.RequestId(client=lane.client, sequence=sequence,
                                          lowest_outstanding=lane.lowest)
        try:
            yield request_id
        finally:
            with self._lock:
                lane.end(sequence)

    def _free_lane(self) -> _Lane:
        for lane in self._lanes:
            if not lane.full():
                return lane
        if len(self._lanes) == LANES_MAX:
            raise Busy('too many writes of this client have not ended')
        self._lanes.append(_Lane())
        return self._lanes[-1]
