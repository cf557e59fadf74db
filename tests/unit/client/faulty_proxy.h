// SPDX-License-Identifier: Apache-2.0
//
// FaultyProxy: a network of a test between a client and a node on loopback: it passes on what both
// send, until it is told to break. It knows nothing of frames.
#ifndef METARING_TESTS_UNIT_CLIENT_FAULTY_PROXY_H_
#define METARING_TESTS_UNIT_CLIENT_FAULTY_PROXY_H_

#include <atomic>
#include <cstdint>
#include <list>
#include <thread>

#include "kvnode/base/bytes.h"
#include "kvnode/base/random.h"

namespace metaring::client {

// Thread-safe.
class FaultyProxy {
 public:
  explicit FaultyProxy(uint16_t to_port);
  ~FaultyProxy();
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  uint16_t port() const { return port_; }

  // Each connection is broken after the node has sent up to so many bytes, a random number of them,
  // the last of which the client does not get. 0: none is.
  void BreakWithin(uint64_t bytes) { break_within_ = bytes; }
  // What the node sends is swallowed.
  void SwallowReplies(bool swallow) { swallow_ = swallow; }
  // All connections of now, soon.
  void BreakAll() { ++break_all_; }
  uint64_t broken() const { return broken_; }

 private:
  struct Pair {
    int client = -1;
    int node = -1;
    Bytes to_node;
    Bytes to_client;
    uint64_t left = 0;  // bytes of the node until it breaks; 0: it does not
    bool broken = false;
  };

  void Run();
  void Accept();
  void Move(Pair& pair, short client_events, short node_events);
  void TakeFromNode(Pair& pair);

  const uint16_t to_port_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<bool> swallow_{false};
  std::atomic<uint64_t> break_within_{0};
  std::atomic<uint64_t> break_all_{0};
  std::atomic<uint64_t> broken_{0};

  // Of the thread.
  std::list<Pair> pairs_;
  uint64_t breaks_done_ = 0;
  Random random_{42};
  std::thread thread_;  // the last
};

}  // namespace metaring::client

#endif  // METARING_TESTS_UNIT_CLIENT_FAULTY_PROXY_H_
