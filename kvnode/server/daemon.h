// SPDX-License-Identifier: Apache-2.0
//
// Daemon: a node as a process: its log, signals, timers and systemd (sd_notify(3)).
//
//   SIGHUP           the configuration and all certificate files are read again, the log file is
//                    opened anew; no request is dropped. What cannot change while it runs is told.
//   SIGTERM, SIGINT  no more requests; those in flight end (process.drain_ms), exit status 0. A
//                    second one ends it at once, which is as safe as any crash.
//
// The watchdog is fed while the commit path moves: a node whose writes hang is restarted.
#ifndef METARING_KVNODE_SERVER_DAEMON_H_
#define METARING_KVNODE_SERVER_DAEMON_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/server/config.h"
#include "kvnode/server/node.h"

namespace metaring::server {

// Tells a commit path that is stuck from one that rests. One caller.
class ProgressWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit ProgressWatch(std::chrono::nanoseconds patience) : patience_(patience) {}

  // False when writes have waited for longer than the patience and not one step was made.
  bool Moves(const CommitProgress& progress, TimePoint now) {
    if (!since_ || !progress.waits || progress.steps != steps_) since_ = now;
    steps_ = progress.steps;
    return now - *since_ <= patience_;
  }

 private:
  const std::chrono::nanoseconds patience_;
  uint64_t steps_ = 0;
  std::optional<TimePoint> since_;  // nothing before the first look
};

// One caller: the main thread.
class Daemon {
 public:
  Daemon(std::string config_file, LoadedConfig loaded);

  // Blocks the signals that Run waits for; before any thread starts, which inherit that.
  static void BlockSignals();

  // Until a signal ends it. The exit status.
  int Run();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  Status Start();
  void Announce() const;
  void Serve();
  void Tick();
  void FeedWatchdog(TimePoint now);
  void Reload();
  void ReloadCertificates();
  void TakeReloadable(const Config& next);
  void WarnOfExpiry();
  void Drain();

  const std::string config_file_;
  Config config_;
  SystemClock clock_;
  std::unique_ptr<Node> node_;
  std::chrono::microseconds watchdog_{0};  // systemd's limit; 0: none
  std::optional<ProgressWatch> watch_;     // with a watchdog
  bool stuck_ = false;
  TimePoint next_reload_;
  TimePoint next_expiry_check_;
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_DAEMON_H_
