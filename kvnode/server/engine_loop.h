// SPDX-License-Identifier: Apache-2.0
//
// EngineLoop: the threads on which a node runs a strong::Engine, and the world that it sees from
// there: "engine" runs it, "log" waits for the log's disk, "store" for whatever else does.
//
// Everybody else gives the engine tasks. All that have come by then run before the engine's next
// round, so that they share its log write, its messages and its transaction of the store.
#ifndef METARING_KVNODE_SERVER_ENGINE_LOOP_H_
#define METARING_KVNODE_SERVER_ENGINE_LOOP_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "kvnode/base/mutex.h"
#include "kvnode/server/timer_queue.h"
#include "kvnode/strong/engine.h"

namespace metaring::server {

// Start and Stop are their owner's, who calls both, in this order, before the end; Post is
// thread-safe from the beginning to the end.
class EngineLoop : private strong::Timers, private strong::LogWriter, private strong::StoreFlusher {
 public:
  // What the engine works with. All outlive the loop; world.h says what it asks of the log.
  struct Parts {
    const Clock& clock;
    log::Log& log;
    store::Store& store;
    Disk& spool;
    strong::Peers& peers;
    // The log or the store has failed for good: ends the process. Called on any of the threads.
    std::function<void(const Error&)> fatal;
  };
  // It may call the engine, and is not to wait.
  using Task = std::function<void(strong::Engine&)>;

  explicit EngineLoop(Parts parts);
  ~EngineLoop() override;
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // Opens the engine, which reads the log and takes its time, and starts the threads. Errors are
  // Engine::Open's.
  Status Start(const strong::EngineOptions& options);
  // Takes no more tasks, runs those that it has, and ends the engine, which answers, on its thread,
  // all that still waits.
  void Stop();

  // Runs it on the engine's thread, behind all that were posted before. False, and it is not run,
  // outside Start and Stop.
  bool Post(Task task) EXCLUDES(mutex_);
  // Thread-safe, between Start and Stop.
  const strong::ReadTable& reads() const { return *reads_; }

 private:
  strong::TimerId RunAt(int64_t at_ns, std::function<void()> task) override;
  void Cancel(strong::TimerId timer) override;
  void Sync(log::Lsn end) override EXCLUDES(disk_mutex_);
  void TruncateBefore(log::Lsn keep_from) override EXCLUDES(disk_mutex_);
  void Flush() override EXCLUDES(disk_mutex_);

  void RunEngine();
  // Waits for tasks or a timer. Absent: it is to end, and there are no more.
  std::optional<std::deque<Task>> AwaitTasks() EXCLUDES(mutex_);
  void WriteLog() EXCLUDES(disk_mutex_);
  void TendStore() EXCLUDES(disk_mutex_);

  const Parts parts_;
  const strong::World world_;

  // The engine thread's, once it runs.
  TimerQueue timers_;
  std::unique_ptr<strong::Engine> engine_;
  const strong::ReadTable* reads_ = nullptr;  // constant between Start and Stop

  Mutex mutex_;
  CondVar posted_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool open_ GUARDED_BY(mutex_) = false;

  Mutex disk_mutex_;
  CondVar log_wanted_;
  CondVar store_wanted_;
  std::optional<log::Lsn> sync_ GUARDED_BY(disk_mutex_);
  std::optional<log::Lsn> truncate_ GUARDED_BY(disk_mutex_);
  bool flush_ GUARDED_BY(disk_mutex_) = false;
  bool disks_end_ GUARDED_BY(disk_mutex_) = false;

  std::thread engine_thread_;
  std::thread log_thread_;
  std::thread store_thread_;
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_ENGINE_LOOP_H_
