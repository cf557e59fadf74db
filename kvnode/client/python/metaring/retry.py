# SPDX-License-Identifier: Apache-2.0
"""Whether a request that failed is tried again, and when: the rule of kvnode/client/retry.h.

Nothing is applied twice, and nothing is called refused that may have been applied. An attempt that
was surely not received or not begun (UNAVAILABLE, BUSY) is repeated whatever it is. One that may
have been received is repeated when it is a read, or a write under a request id, of which the node
answers the first outcome; and no longer than RETRY_WRITES_SECONDS_MAX, since nodes forget outcomes.
From such an attempt on no later refusal proves that nothing was done, unless it is one that every
attempt must have met: the request itself is wrong.
"""

import enum
import random
from collections.abc import Collection
from typing import Any

from .errors import Error, ErrorCode, Unavailable, UnknownOutcome

RETRY_WRITES_SECONDS_MAX = 300.0  # a third of the time that nodes keep outcomes
BACKOFF_SECONDS_MIN = 0.010       # doubling, each wait a random part of the upper half
BACKOFF_SECONDS_MAX = 1.0


class Repeatable(enum.Enum):
    ALWAYS = 1        # reads
    UNDER_ONE_ID = 2  # a write with a request id
    IF_NOT_BEGUN = 3  # a write without one


class AttemptFailed(Exception):
    """How one attempt failed. Never leaves the package."""

    def __init__(self, error: Error, maybe_done: bool = False, elsewhere: bool = False) -> None:
        super().__init__(error)
        self.error = error
        # A node may have received it, and nothing is known of what it did.
        self.maybe_done = maybe_done
        # There is no connection, or the node is not the right one: another may be better.
        self.elsewhere = elsewhere
        self.node: Any = None  # which one


class Retry:
    """One request. One caller. Times are of time.monotonic()."""

    def __init__(self, repeatable: Repeatable, began: float, deadline: float) -> None:
        self._repeatable = repeatable
        self._began = began
        self._deadline = deadline
        self._attempts = 0
        self._this_round = 0  # nodes that were of no use since the last wait
        self._wrong: set[Any] = set()  # nodes that will not do, as far as is known
        self._down: Error | None = None  # what the last node said that may come back
        self._backoff = 0.0
        self._maybe_done = False  # some attempt may have been; then stays

    def wait_after(self, failure: AttemptFailed, now: float, nodes: Collection[Any]) -> float:
        """Seconds to wait before the next attempt; raises what the request comes to if there is
        none. `nodes`: those that there are to turn to."""
        self._attempts += 1
        self._note_node(failure)
        if failure.maybe_done and self._repeatable is not Repeatable.ALWAYS:
            self._maybe_done = True
        error = failure.error
        if self._may_repeat(failure, nodes):
            wait = self._wait(failure, len(nodes))
            end = self._deadline
            if self._maybe_done:
                end = min(end, self._began + RETRY_WRITES_SECONDS_MAX)
            if now + wait < end:
                return wait
            if failure.elsewhere and self._down is not None:
                error = self._down
            took = round((now - self._began) * 1000)
            error = type(error)(f'{error.message} (given up after {self._attempts} attempts '
                                f'in {took} ms)', error.retry_after_ms)
        raise self.final(error) from failure.__cause__

    def final(self, error: Error) -> Error:
        """What the request comes to when it ends with `error`."""
        code = error.code
        if code is ErrorCode.DEADLINE_EXCEEDED and self._down is not None:
            error = type(error)(f'{error.message}; before: {self._down.message}',
                                error.retry_after_ms)
        # A read that got no answer has failed: there is no outcome to be unknown.
        if self._repeatable is Repeatable.ALWAYS and code is ErrorCode.UNKNOWN_OUTCOME:
            return Unavailable(error.message)
        if not self._maybe_done or code in (ErrorCode.INVALID_ARGUMENT, ErrorCode.UNKNOWN_OUTCOME):
            return error
        return UnknownOutcome(f'it may be done; the last attempt: {error}')

    def _note_node(self, failure: AttemptFailed) -> None:
        comes_back = failure.maybe_done or failure.error.code in (ErrorCode.UNAVAILABLE,
                                                                  ErrorCode.BUSY)
        if failure.elsewhere and not comes_back:
            self._wrong.add(failure.node)
            return
        self._wrong.discard(failure.node)
        # That the time is over says nothing of the node.
        if failure.error.code is not ErrorCode.DEADLINE_EXCEEDED:
            self._down = failure.error

    def _may_repeat(self, failure: AttemptFailed, nodes: Collection[Any]) -> bool:
        code = failure.error.code
        if code in (ErrorCode.UNAVAILABLE, ErrorCode.BUSY):
            return True
        if code is ErrorCode.UNKNOWN_OUTCOME:
            # A node's own is final: it has forgotten the outcome.
            return failure.maybe_done and self._repeatable is not Repeatable.IF_NOT_BEGUN
        # A node of another cluster, say, ends it only when all others are as wrong.
        return failure.elsewhere and not self._wrong.issuperset(nodes)

    def _wait(self, failure: AttemptFailed, nodes: int) -> float:
        if failure.elsewhere or failure.maybe_done:
            self._this_round += 1
            if self._this_round < nodes:
                return 0.0
        self._this_round = 0
        self._backoff = min(max(self._backoff * 2, BACKOFF_SECONDS_MIN), BACKOFF_SECONDS_MAX)
        # Those who got the same hint do not come back at the same moment.
        hint = failure.error.retry_after_ms / 1000 * random.uniform(1.0, 1.25)
        return max(random.uniform(self._backoff / 2, self._backoff), hint)
