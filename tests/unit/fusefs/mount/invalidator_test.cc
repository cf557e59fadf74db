// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/invalidator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs::mount {
namespace {

TEST(Invalidator, TheKernelIsToldBeforeItReturnsAndByAnotherThread) {
  Invalidator invalidator;
  std::atomic<uint64_t> told{0};
  std::atomic<Stale> what{Stale::kListing};
  std::thread::id by;
  invalidator.Start([&](Ino ino, Stale stale) {
    by = std::this_thread::get_id();
    told = ino.value();
    what = stale;
  });
  invalidator.AttributesChanged(Ino{7});
  EXPECT_EQ(told, 7u);
  EXPECT_EQ(what, Stale::kAttributes);
  invalidator.ListingChanged(Ino{8});
  EXPECT_EQ(told, 8u);
  EXPECT_EQ(what, Stale::kListing);
  invalidator.Stop();
  EXPECT_NE(by, std::this_thread::get_id());
}

TEST(Invalidator, WhenItDoesNotRunNobodyWaits) {
  Invalidator invalidator;
  invalidator.AttributesChanged(Ino{7});
  invalidator.Start([](Ino, Stale) {});
  invalidator.Stop();
  invalidator.AttributesChanged(Ino{7});
}

// What a handler does whose caller was killed.
class TellingTask : public fiber::Task {
 public:
  explicit TellingTask(Invalidator& invalidator) : invalidator_(invalidator) {}
  void Run() override {
    invalidator_.AttributesChanged(Ino{7});
    ended_.Post();
  }
  void AwaitEnd() { ended_.Wait(); }

 private:
  Invalidator& invalidator_;
  fiber::Baton ended_;
};

double CpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

TEST(Invalidator, ACancelledTaskNeitherWaitsNorSpins) {
  fiber::Pool pool;
  pool.Start("fibers");
  Invalidator invalidator;
  fiber::Baton kernel_answers;
  invalidator.Start([&](Ino, Stale) { kernel_answers.Wait(); });
  TellingTask task(invalidator);
  task.Cancel();
  const double before = CpuSeconds();
  pool.Run(task);
  task.AwaitEnd();
  EXPECT_LT(CpuSeconds() - before, 0.2);
  kernel_answers.Post();
  invalidator.Stop();
  pool.Stop();
}

}  // namespace
}  // namespace metaring::fusefs::mount
