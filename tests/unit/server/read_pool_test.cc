// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/read_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace metaring::server {
namespace {

// Says when it begins, and ends when it may.
class Gated : public Job {
 public:
  Gated(std::promise<void>& began, std::shared_future<void> gate, std::atomic<int>& ran)
      : began_(began), gate_(std::move(gate)), ran_(ran) {}
  void Run() override {
    began_.set_value();
    gate_.wait();
    ++ran_;
  }

 private:
  std::promise<void>& began_;
  std::shared_future<void> gate_;
  std::atomic<int>& ran_;
};

class Counted : public Job {
 public:
  explicit Counted(std::atomic<int>& ran, std::promise<void>* destroyed = nullptr)
      : ran_(ran), destroyed_(destroyed) {}
  ~Counted() override {
    if (destroyed_ != nullptr) destroyed_->set_value();
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  void Run() override { ++ran_; }

 private:
  std::atomic<int>& ran_;
  std::promise<void>* const destroyed_;
};

TEST(ReadPool, RefusesWhatIsOverItsBoundAndWhatComesAfterItsStop) {
  ReadPool pool(2);
  std::promise<void> began;
  std::promise<void> gate;
  std::atomic<int> ran{0};
  const auto push = [&] {
    std::unique_ptr<Job> job = std::make_unique<Counted>(ran);
    const bool taken = pool.Push(job);
    EXPECT_EQ(taken, job == nullptr);
    return taken;
  };
  EXPECT_FALSE(push());
  pool.Start(1, "test");
  std::unique_ptr<Job> first = std::make_unique<Gated>(began, gate.get_future().share(), ran);
  ASSERT_TRUE(pool.Push(first));
  began.get_future().wait();
  EXPECT_TRUE(push());
  EXPECT_TRUE(push());
  EXPECT_FALSE(push());
  pool.set_queued_max(3);
  EXPECT_TRUE(push());
  gate.set_value();
  while (ran < 4) std::this_thread::yield();
  pool.Stop();
  EXPECT_FALSE(push());
}

TEST(ReadPool, DestroysWhatWaitsWhenItStops) {
  ReadPool pool(2);
  std::promise<void> began;
  std::promise<void> gate;
  std::atomic<int> ran{0};
  pool.Start(1, "test");
  std::unique_ptr<Job> first = std::make_unique<Gated>(began, gate.get_future().share(), ran);
  ASSERT_TRUE(pool.Push(first));
  began.get_future().wait();
  std::promise<void> destroyed;
  std::unique_ptr<Job> second = std::make_unique<Counted>(ran, &destroyed);
  ASSERT_TRUE(pool.Push(second));
  auto stopped = std::async(std::launch::async, [&] { pool.Stop(); });
  destroyed.get_future().wait();
  gate.set_value();
  stopped.get();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace metaring::server
