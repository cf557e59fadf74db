// SPDX-License-Identifier: Apache-2.0
//
// Whether a request that failed is tried again, where and when: a value, without I/O and clock.
//
// The rule is that nothing is applied twice and nothing is called refused that may have been
// applied. An attempt that was surely not received or not begun (kUnavailable, kBusy) is repeated
// whatever it is. One that may have been received is repeated when it is a read, or a write under a
// request id, of which the node answers the first outcome; and no longer than kRetryWritesMax after
// the beginning of the first such attempt, since nodes forget outcomes. From that attempt on, no
// later refusal proves that nothing was done, unless it is one that every attempt must have met:
// the request itself is wrong.
//
// A node that is down or busy may do later (kUnavailable, kBusy). One that will not do, because it
// is of another cluster or a certificate is not accepted (any other code, with `elsewhere`), ends
// the request only when all nodes are such: a wrong seed in the list does not stand in the way of a
// good one.
#ifndef METARING_KVNODE_CLIENT_RETRY_H_
#define METARING_KVNODE_CLIENT_RETRY_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>

#include "kvnode/base/random.h"
#include "kvnode/base/result.h"

namespace metaring::client {

enum class Repeatable : uint8_t {
  kAlways,      // reads
  kUnderOneId,  // a write with a request id
  kIfNotBegun,  // a write without one
};

// A third of the time that nodes keep outcomes (state/outcomes.h).
inline constexpr std::chrono::minutes kRetryWritesMax{5};

// How one attempt failed.
struct Failure {
  Error error;
  // A node may have received it, and nothing is known of what it did. Else it was surely not done,
  // or a node has said what it did.
  bool maybe_done = false;
  // The connection's greeting was refused, or there is no connection: another node may be better.
  bool elsewhere = false;
  size_t node = 0;  // which one
  // A node's hint.
  std::chrono::milliseconds retry_after{0};
};

struct RetryLimits {
  // Waits between rounds over all nodes: doubling, each a random part of the upper half.
  std::chrono::milliseconds backoff_min{10};
  std::chrono::milliseconds backoff_max{1'000};
};

// One caller.
class Retry {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Retry(Repeatable repeatable, TimePoint began, TimePoint deadline, const RetryLimits& limits)
      : repeatable_(repeatable), began_(began), deadline_(deadline), limits_(limits) {}

  // An attempt begins: before each, or they all count as begun with the request.
  void Begin(TimePoint now) { attempt_began_ = now; }

  struct Verdict {
    bool again = false;
    std::chrono::nanoseconds wait{0};  // again: before the next attempt
    Error error;                       // else: what the request comes to
  };
  // `nodes`: how many there are to turn to.
  Verdict After(const Failure& failure, TimePoint now, size_t nodes, Random& random);

  // What the request comes to when it ends by itself, for `error`: its caller has cancelled it,
  // say. That the time is over also says what was wrong before.
  Error Final(Error error) const;

  TimePoint began() const { return began_; }
  int attempts() const { return attempts_; }

 private:
  void NoteNode(const Failure& failure);
  bool MayRepeat(const Failure& failure, size_t nodes) const;
  std::chrono::nanoseconds WaitAfter(const Failure& failure, size_t nodes, Random& random);

  const Repeatable repeatable_;
  const TimePoint began_;
  const TimePoint deadline_;
  const RetryLimits limits_;
  int attempts_ = 0;              // that failed
  size_t this_round_ = 0;         // attempts that were of no use since the last wait
  std::set<size_t> wrong_nodes_;  // that will not do, as far as is known
  std::optional<Error> down_;     // what the last node said that may come back
  std::chrono::nanoseconds backoff_{0};
  TimePoint attempt_began_ = began_;           // the last
  std::optional<TimePoint> maybe_done_since_;  // the first attempt that may have been; then stays
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_RETRY_H_
