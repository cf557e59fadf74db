// SPDX-License-Identifier: Apache-2.0
//
// Admission: how many connections and requests a server takes on. What is over a bound is refused
// at once, so that nothing queues without one.
#ifndef METARING_KVNODE_RPC_ADMISSION_H_
#define METARING_KVNODE_RPC_ADMISSION_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/rpc/identity.h"

namespace metaring::rpc {

struct ServerLimits {
  size_t frame_bytes_max = size_t{20} << 20;   // of a request
  size_t answer_bytes_max = size_t{20} << 20;  // over it an answer is an error, kTooBig
  size_t connections_max = 4096;
  size_t connections_per_address_max = 4096;
  // Of connections_max, only for peers whose role is node.
  size_t connections_reserved_for_nodes = 64;
  // Connections whose handshake is not done yet. A node that connects is one of them first.
  size_t handshakes_max = 256;
  size_t requests_per_connection_max = 1024;
  size_t requests_max = 16'384;
  // Bytes of requests that are being received or were not answered yet; a large one (over
  // kTurnBytes) counts from its length on, and finds room only in the first three quarters of them,
  // so that small requests still pass when many large ones are announced. One connection may have a
  // quarter of them, but always one request. At least four times frame_bytes_max, or a request of
  // frame_bytes_max fits only when few others are there.
  size_t request_bytes_max = size_t{512} << 20;
  // Bytes of answers that wait for a connection's peer to read; over it the connection is not read
  // until half of them are gone.
  size_t reply_bytes_per_connection_max = size_t{32} << 20;
  std::chrono::milliseconds handshake_deadline{10'000};  // all of it, however many reads
  // Without a request, or with one that has begun and is not whole.
  std::chrono::milliseconds idle_deadline{600'000};
  // In which a peer must read 64 KiB of answers, or all there are; and send 64 KiB of a large
  // request, or the rest of it.
  std::chrono::milliseconds write_deadline{30'000};
};

// Since the start, and now. Values of different moments, each right by itself.
struct ServerStats {
  uint64_t connections = 0;
  uint64_t connections_refused = 0;
  uint64_t handshakes_failed = 0;
  uint64_t requests_in_flight = 0;
  uint64_t requests = 0;
  uint64_t requests_refused = 0;  // answered BUSY
  uint64_t request_bytes = 0;     // of requests that come or are in flight
  uint64_t bytes_received = 0;    // of requests
  uint64_t bytes_sent = 0;        // of answers
};

// Thread-safe.
class Admission {
 public:
  explicit Admission(const ServerLimits& limits) : limits_(limits) {}

  // A connection came in. kBusy: over a bound, and it is not counted.
  Status Connect(const std::string& address);
  // Its handshake is done. kBusy: what is left is for nodes; Disconnect is called all the same.
  Status Identify(Role role);
  // It ended. `role`: as Identify was told, if it was.
  void Disconnect(const std::string& address, bool identified, Role role);

  // A request came in; `on_connection`: how many of its connection are in flight. False: over a
  // bound, and it is not counted.
  bool BeginRequest(size_t on_connection);
  void EndRequest() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  void NoteRequestRefused() { requests_refused_.fetch_add(1, std::memory_order_relaxed); }
  // Room for a request of so many bytes; `on_connection`: what its connection has; `large`: they
  // are still to come. True: until as many are given back.
  bool TakeRequestBytes(size_t on_connection, size_t bytes, bool large);
  void GiveRequestBytes(size_t bytes) {
    request_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  void NoteReceived(size_t bytes) { received_.fetch_add(bytes, std::memory_order_relaxed); }
  void NoteSent(size_t bytes) { sent_.fetch_add(bytes, std::memory_order_relaxed); }
  void NoteHandshakeFailed() { handshakes_failed_.fetch_add(1, std::memory_order_relaxed); }

  ServerStats stats() const;
  // Until no connection is left, or the time is over.
  void AwaitNoConnections(std::chrono::milliseconds at_most);

 private:
  const ServerLimits limits_;

  std::atomic<uint64_t> in_flight_{0};
  std::atomic<uint64_t> requests_{0};
  std::atomic<uint64_t> requests_refused_{0};
  std::atomic<uint64_t> request_bytes_{0};
  std::atomic<uint64_t> handshakes_failed_{0};
  std::atomic<uint64_t> received_{0};
  std::atomic<uint64_t> sent_{0};

  mutable Mutex mutex_;
  CondVar fewer_;
  std::map<std::string, size_t> per_address_ GUARDED_BY(mutex_);
  size_t total_ GUARDED_BY(mutex_) = 0;
  size_t handshakes_ GUARDED_BY(mutex_) = 0;
  size_t not_nodes_ GUARDED_BY(mutex_) = 0;  // identified, and of another role
  uint64_t refused_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_ADMISSION_H_
