// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/lanes.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <latch>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace metaring::ctl {
namespace {

constexpr int kProgressIntervalMs = 100;

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

struct LaneRun {
  LaneRun(unsigned index, const std::atomic<bool>& stop) : lane(index, stop) {}
  Lane lane;
  Status status;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// What the lanes of one run share.
struct Gate {
  std::atomic<bool> stop{false};
  std::latch go{1};
  std::atomic<unsigned> arrived{0};
  std::atomic<unsigned> running{0};
  int ended_fd = -1;  // an eventfd, written when the last lane ends
};

void RunLane(LaneRun& run, Gate& gate, const std::function<Status(Lane&)>& body) {
  gate.arrived.fetch_add(1);
  gate.arrived.notify_one();
  gate.go.wait();
  run.begin = MonotonicNanosNow();
  run.status = body(run.lane);
  run.end = MonotonicNanosNow();
  if (!run.status) gate.stop = true;
  if (gate.running.fetch_sub(1) == 1) eventfd_write(gate.ended_fd, 1);
}

// Starts the threads; all wait at the gate when it returns without error.
Status StartLanes(std::vector<std::unique_ptr<LaneRun>>& runs, std::vector<std::jthread>& threads,
                  Gate& gate, const std::function<Status(Lane&)>& body) {
  for (auto& run : runs) {
    gate.running.fetch_add(1);
    try {
      threads.emplace_back([&run = *run, &gate, &body] { RunLane(run, gate, body); });
    } catch (const std::system_error& e) {
      gate.running.fetch_sub(1);
      gate.stop = true;
      return Fail(ErrorCode::kBusy, std::string("starting a thread: ") + e.what());
    }
  }
  unsigned seen = 0;
  while ((seen = gate.arrived.load()) < runs.size()) gate.arrived.wait(seen);
  return {};
}

uint64_t DoneSoFar(const std::vector<std::unique_ptr<LaneRun>>& runs) {
  uint64_t done = 0;
  for (const auto& run : runs) done += run->lane.done();
  return done;
}

void WatchLanes(const std::vector<std::unique_ptr<LaneRun>>& runs, Gate& gate, SignalWatch& signals,
                const Progress& progress) {
  while (gate.running != 0) {
    pollfd fds[] = {{gate.ended_fd, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    poll(fds, 2, kProgressIntervalMs);
    if (fds[1].revents != 0) signals.Take();
    if (signals.taken()) gate.stop = true;
    if (progress) progress(DoneSoFar(runs));
  }
}

LanesResult Collect(const std::vector<std::unique_ptr<LaneRun>>& runs) {
  LanesResult result;
  uint64_t begin = UINT64_MAX;
  uint64_t end = 0;
  for (const auto& run : runs) {
    result.latency.Merge(run->lane.latency());
    if (!run->status && !result.error) result.error = run->status.error();
    if (run->begin == 0) continue;
    begin = std::min(begin, run->begin);
    end = std::max(end, run->end);
  }
  if (end > begin) result.seconds = static_cast<double>(end - begin) / 1e9;
  return result;
}

}  // namespace

SignalWatch::SignalWatch() {
  const sigset_t set = WatchedSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

SignalWatch::~SignalWatch() {
  Unblock();
  if (fd_ >= 0) close(fd_);
}

void SignalWatch::Unblock() {
  const sigset_t set = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void SignalWatch::Take() {
  signalfd_siginfo info{};
  if (read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
  if (!taken_) taken_ = static_cast<int>(info.ssi_signo);
  Unblock();
}

LanesResult RunLanes(unsigned count, const std::function<Status(Lane&)>& body, SignalWatch& signals,
                     const Progress& progress) {
  // One that came before: lanes that end at once would not see it.
  signals.Take();
  if (signals.taken()) {
    LanesResult result;
    result.stopped = true;
    return result;
  }
  Gate gate;
  gate.ended_fd = eventfd(0, EFD_CLOEXEC);
  std::vector<std::unique_ptr<LaneRun>> runs;
  for (unsigned i = 0; i < count; ++i) runs.push_back(std::make_unique<LaneRun>(i, gate.stop));
  std::vector<std::jthread> threads;
  threads.reserve(count);
  const Status started = StartLanes(runs, threads, gate, body);
  gate.go.count_down();
  WatchLanes(runs, gate, signals, progress);
  threads.clear();
  if (gate.ended_fd >= 0) close(gate.ended_fd);

  LanesResult result = Collect(runs);
  if (!started) result.error = started.error();
  result.stopped = signals.taken().has_value();
  return result;
}

}  // namespace metaring::ctl
