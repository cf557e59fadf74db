// SPDX-License-Identifier: Apache-2.0
//
// The engine's world: everything that it reaches, through interfaces, so that the very same engine
// runs on a node's threads and in the simulator under virtual time.
//
// All calls go from the engine's loop into the world and return at once; what takes time is
// reported later, on the loop, by a call of Engine. A log or a store that fails for good is the end
// of the process (World::fatal): what is on disk can no longer be known.
#ifndef METARING_KVNODE_STRONG_WORLD_H_
#define METARING_KVNODE_STRONG_WORLD_H_

#include <cstdint>
#include <functional>

#include "kvnode/base/clock.h"
#include "kvnode/base/disk.h"
#include "kvnode/base/ids.h"
#include "kvnode/log/log.h"
#include "kvnode/store/store.h"
#include "kvnode/strong/peer_message.h"

namespace metaring::strong {

using TimerId = StrongId<struct TimerIdTag>;

// The loop. One caller.
class Timers {
 public:
  virtual ~Timers() = default;
  // Runs `task` on the loop once Clock::MonotonicNanos has reached `at_ns`; if it has already,
  // behind what the loop has queued by now. Never inside the call.
  virtual TimerId RunAt(int64_t at_ns, std::function<void()> task) = 0;
  // It will not run, if it has not yet.
  virtual void Cancel(TimerId timer) = 0;
};

// The other nodes. One caller.
class Peers {
 public:
  virtual ~Peers() = default;
  // May lose the message, but for as long as the peer is reachable it seldom does. Reachability is
  // told by Engine::SetReachable; until it is, a peer counts as reachable.
  virtual void Send(NodeId to, PeerMessage&& message) = 0;
  // Payload bytes that the way to this peer takes now. When it had been zero and is no more:
  // Engine::PeerWritable.
  virtual uint64_t Room(NodeId to) const = 0;
};

// The thread that waits for the log's disk. One caller.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  // Log::Sync(end), then Engine::LogDurable. Requests of one batch may share both.
  virtual void Sync(log::Lsn end) = 0;
  // Log::TruncateBefore. No answer.
  virtual void TruncateBefore(log::Lsn keep_from) = 0;
};

// The thread that waits for the store's disk. One caller.
class StoreFlusher {
 public:
  virtual ~StoreFlusher() = default;
  // Store::Flush, then Engine::StoreFlushed, whatever came of it. Requests may share both.
  virtual void Flush() = 0;
};

// All outlive the engine.
struct World {
  const Clock& clock;
  Timers& timers;
  Peers& peers;
  // With LogOptions::payload_bytes_max >= kLogPayloadBytesMax and queued_bytes_max at least twice
  // EngineOptions::staged_bytes_max, so that Append never waits for a sync.
  log::Log& log;
  LogWriter& log_writer;
  store::Store& store;
  StoreFlusher& store_flusher;
  // Scratch files of snapshots. What is there at the start is removed.
  Disk& spool;
  // Ends the process; in a simulation, the node: the engine is then only destroyed.
  std::function<void(const Error&)> fatal;
};

// An entry with what its log record adds.
inline constexpr uint64_t kLogPayloadBytesMax = kEntryBytesMax + 64;

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_WORLD_H_
