// SPDX-License-Identifier: Apache-2.0
//
// An engine on real threads, disk and LMDB, alone.
#include "kvnode/server/engine_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "kvnode/state/machine.h"
#include "kvnode/state/read.h"
#include "tests/sim/sim_disk.h"

namespace metaring::server {
namespace {

constexpr SlotId kSlot{3};
constexpr GroupId kGroup = strong::GroupOf(strong::ClassId(1), kSlot);
constexpr state::Scope kScope{kSlot, KeyspaceId(5)};
constexpr NodeId kSelf{1};

// Nobody else is there.
class NoPeers : public strong::Peers {
 public:
  void Send(NodeId, strong::PeerMessage&&) override {}
  uint64_t Room(NodeId) const override { return 0; }
};

Bytes PutCommand(const std::string& key, const std::string& value) {
  state::Transaction transaction;
  state::Op& op = transaction.then_ops.emplace_back();
  op.key = key;
  op.value = value;
  return state::EncodeCommand(kScope, SystemClock().WallNanos(), transaction);
}

class EngineLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "engine_loop_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    for (const char* name : {"log", "spool", "store"}) {
      std::filesystem::create_directory(directory_ / name);
    }
    spool_ = std::move(*OpenPosixDisk(directory_ / "spool"));
    log_disk_ = std::move(*OpenPosixDisk(directory_ / "log"));
    Start(*log_disk_);
  }
  void TearDown() override {
    if (loop_ != nullptr) Stop();
    std::filesystem::remove_all(directory_);
  }

  void Start(Disk& log_disk) {
    log::LogOptions log_options;
    log_options.payload_bytes_max = strong::kLogPayloadBytesMax;
    log_options.queued_bytes_max = 32 << 20;
    auto log = log::OpenLog(log_disk, log_options);
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    auto store = store::OpenLmdbStore(directory_ / "store", {.map_bytes = 1 << 30});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    loop_ = std::make_unique<EngineLoop>(EngineLoop::Parts{
        clock_, *log_, *store_, *spool_, peers_, [this](const Error&) { NoteFailure(); }});
    strong::EngineOptions options;
    options.self = kSelf;
    const Status started = loop_->Start(options);
    ASSERT_TRUE(started) << started.error().message;
  }
  // On the log's thread, the engine's, or both: a process would have ended at the first.
  void NoteFailure() {
    if (!has_failed_.exchange(true)) failed_.set_value();
  }
  void Stop() {
    loop_->Stop();
    loop_.reset();
    store_.reset();
    log_.reset();
  }

  // Waits until the group is there and led.
  void Create() {
    const auto alone = raft::Configuration::OfVoters({kSelf});
    std::promise<Status> created;
    ASSERT_TRUE(loop_->Post([&](strong::Engine& engine) {
      engine.CreateGroup(kGroup, raft::WriteAck::kMajority, alone,
                         [&](Status status) { created.set_value(std::move(status)); });
    }));
    ASSERT_TRUE(created.get_future().get());
  }
  Result<state::TransactReply> Put(const std::string& key, const std::string& value) {
    for (;;) {
      std::promise<Result<state::TransactReply>> answer;
      loop_->Post([&](strong::Engine& engine) {
        engine.Propose(kGroup, PutCommand(key, value), log::SpaceUse::kNormal,
                       [&](Result<state::TransactReply> reply) { answer.set_value(reply); });
      });
      Result<state::TransactReply> reply = answer.get_future().get();
      // It is not elected yet.
      if (reply || reply.error().code != ErrorCode::kUnavailable) return reply;
      std::this_thread::yield();
    }
  }
  std::optional<Bytes> Get(const std::string& key) {
    for (;;) {
      std::promise<Result<strong::ReadTicket>> granted;
      loop_->Post([&](strong::Engine& engine) {
        engine.Read(kGroup, strong::ReadMode::kReadIndex,
                    [&](Result<strong::ReadTicket> ticket) { granted.set_value(ticket); });
      });
      const Result<strong::ReadTicket> ticket = granted.get_future().get();
      if (!ticket) {
        std::this_thread::yield();
        continue;
      }
      const raft::LogIndex applied = loop_->reads().Applied(kGroup);
      const auto view = store_->NewView();
      const auto record = state::Read(**view, kScope, key);
      if (loop_->reads().Judge(*ticket, applied) != raft::ReadVerdict::kServe) continue;
      if (!*record) return std::nullopt;
      return (*record)->value;
    }
  }

  SystemClock clock_;
  std::filesystem::path directory_;
  NoPeers peers_;
  std::unique_ptr<Disk> spool_;
  std::unique_ptr<Disk> log_disk_;
  std::atomic<bool> has_failed_{false};
  std::promise<void> failed_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<EngineLoop> loop_;
};

TEST_F(EngineLoopTest, KeepsWhatManyThreadsWrote) {
  constexpr int kThreads = 4;
  constexpr int kPuts = 25;
  Create();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kPuts; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        const auto put = Put(key, key + "!");
        ASSERT_TRUE(put) << put.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int round = 0; round < 2; ++round) {
    for (int t = 0; t < kThreads; ++t) {
      for (int i = 0; i < kPuts; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_EQ(Get(key), key + "!");
      }
    }
    Stop();
    Start(*log_disk_);
  }
}

TEST_F(EngineLoopTest, RunsTasksInTheirOrder) {
  std::vector<int> ran;
  std::promise<void> ended;
  for (int i = 0; i < 100; ++i) {
    loop_->Post([&ran, i](strong::Engine&) { ran.push_back(i); });
  }
  loop_->Post([&](strong::Engine&) { ended.set_value(); });
  ended.get_future().wait();
  ASSERT_EQ(ran.size(), 100U);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(EngineLoopTest, AnswersAllThatWasPostedWhenItStops) {
  constexpr int kPuts = 200;
  Create();
  ASSERT_TRUE(Put("first", "x"));
  std::atomic<int> done{0};
  std::atomic<int> unsure{0};
  int posted = 0;
  for (int i = 0; i < kPuts; ++i) {
    posted += loop_->Post([&, i](strong::Engine& engine) {
      engine.Propose(kGroup, PutCommand("k" + std::to_string(i), "v"), log::SpaceUse::kNormal,
                     [&](const Result<state::TransactReply>& reply) { ++(reply ? done : unsure); });
    })
                  ? 1
                  : 0;
  }
  EXPECT_EQ(posted, kPuts);
  loop_->Stop();
  EXPECT_EQ(done + unsure, kPuts);
  EXPECT_FALSE(loop_->Post([](strong::Engine&) { FAIL(); }));
  loop_.reset();
}

TEST_F(EngineLoopTest, EndsTheProcessWhenTheLogFails) {
  Stop();
  sim::SimDisk disk;
  Start(disk);
  Create();
  disk.CutPowerAtCall(0);
  std::promise<void> answered;
  loop_->Post([&](strong::Engine& engine) {
    engine.Propose(kGroup, PutCommand("k", "v"), log::SpaceUse::kNormal, [&](const auto& reply) {
      EXPECT_FALSE(reply);
      answered.set_value();
    });
  });
  failed_.get_future().wait();
  Stop();
  answered.get_future().wait();
}

}  // namespace
}  // namespace metaring::server
