// SPDX-License-Identifier: Apache-2.0
//
// TimerQueue: what is to run later, by time. It has no thread and no clock: whoever has it asks
// when the next is due, and runs what is.
#ifndef METARING_KVNODE_SERVER_TIMER_QUEUE_H_
#define METARING_KVNODE_SERVER_TIMER_QUEUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace metaring::server {

// One caller. Times are monotonic, in nanoseconds.
class TimerQueue {
 public:
  // Of equal times, the first added runs first.
  uint64_t Add(int64_t at_ns, std::function<void()> task) {
    const uint64_t id = ++last_id_;
    tasks_.emplace(std::pair(at_ns, id), std::move(task));
    times_.emplace(id, at_ns);
    return id;
  }
  // False when it has run, or was cancelled.
  bool Cancel(uint64_t id) {
    const auto found = times_.find(id);
    if (found == times_.end()) return false;
    tasks_.erase({found->second, id});
    times_.erase(found);
    return true;
  }
  // Absent: there is none.
  std::optional<int64_t> next_ns() const {
    if (tasks_.empty()) return std::nullopt;
    return tasks_.begin()->first.first;
  }
  // Runs what is due at `now_ns` and was added before this call: a task that adds one for now does
  // not keep its caller here.
  void RunDue(int64_t now_ns) {
    const uint64_t last = last_id_;
    for (auto it = tasks_.begin(); it != tasks_.end() && it->first.first <= now_ns;) {
      const auto key = it->first;
      if (key.second <= last) {
        const std::function<void()> task = std::move(it->second);
        tasks_.erase(it);
        times_.erase(key.second);
        task();
      }
      it = tasks_.upper_bound(key);  // the task may have changed what follows
    }
  }
  void Clear() {
    tasks_.clear();
    times_.clear();
  }

 private:
  uint64_t last_id_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> tasks_;  // by time, then id
  std::unordered_map<uint64_t, int64_t> times_;                          // of each id
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_TIMER_QUEUE_H_
