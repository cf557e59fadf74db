// SPDX-License-Identifier: Apache-2.0
//
// What an idle group costs: the object, and all that it holds on the heap as the allocator rounds
// it up. A program of its own: live_bytes.h.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "kvnode/raft/core.h"
#include "tests/unit/base/live_bytes.h"

namespace metaring::raft {
namespace {

constexpr size_t kIdleBytesMax = 512;
constexpr GroupId kGroup{1};

Host MakeHost(uint64_t node) {
  Host host{NodeId(node), {}, node, SupportGiven({}, SupportEpoch(), 0), SupportReceived({})};
  host.given.Raised(*host.given.Advance(0));
  return host;
}

// Three cores that do what their outputs say, until nothing is left to do.
struct Group {
  Group() : hosts{MakeHost(1), MakeHost(2), MakeHost(3)} {
    Restored restored;
    restored.configuration.configuration =
        Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});
    for (const Host& host : hosts) {
      cores.push_back(std::make_unique<Core>(host, kGroup, WriteAck::kMajority, restored));
    }
  }

  void Settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (const std::unique_ptr<Core>& core : cores) {
        while (core->HasOutput()) {
          busy = true;
          Perform(*core, core->TakeOutput());
        }
      }
    }
  }

  void Perform(Core& core, Output output) {
    for (AppendOrder& order : output.appends) {
      const LogView& entries = std::get<AppendRequest>(order.message.body).entries;
      core.Sent(order.message.to, entries.base(), entries.last_index(), 100);
      output.messages.push_back(std::move(order.message));
    }
    if (output.persist) core.Persisted(output.persist->token);
    for (const Message& message : output.messages) cores[message.to.value() - 1]->Step(message);
  }

  // What is freed with a core: the object and all that it holds.
  size_t Drop(size_t i) {
    const size_t before = LiveBytes();
    cores[i].reset();
    return before - LiveBytes();
  }

  std::vector<Host> hosts;
  std::vector<std::unique_ptr<Core>> cores;
};

TEST(RaftMemory, AnIdleReplicaKeepsAtMost512Bytes) {
  Group group;
  while (group.cores[0]->role() != Role::kLeader) {
    group.cores[0]->Tick();
    group.Settle();
  }
  for (int put = 0; put < 1000; ++put) {
    ASSERT_TRUE(group.cores[0]->Propose());
    group.Settle();
  }
  for (int i = 0; i < 10; ++i) {
    group.cores[0]->Tick();
    group.Settle();
  }
  ASSERT_EQ(group.cores[0]->commit_index(), LogIndex(1001));
  ASSERT_EQ(group.cores[1]->commit_index(), LogIndex(1001));
  const size_t leader = group.Drop(0);
  const size_t follower = group.Drop(1);
  RecordProperty("leader_bytes", static_cast<int>(leader));
  RecordProperty("follower_bytes", static_cast<int>(follower));
  EXPECT_LE(leader, kIdleBytesMax);
  EXPECT_LE(follower, kIdleBytesMax);
  EXPECT_GT(follower, sizeof(Core)) << "the count must see the heap";
}

}  // namespace
}  // namespace metaring::raft
