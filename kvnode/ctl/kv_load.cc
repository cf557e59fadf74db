// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/kv_load.h"

#include <fmt/compile.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <latch>
#include <utility>

#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"
#include "kvnode/ctl/lanes.h"

namespace metaring::ctl {
namespace {

Bytes KeyOf(uint64_t number) {
  return fmt::format(FMT_COMPILE("{}{:012}"), kKvLoadPrefix, number);
}

// What all chains share. Thread-safe.
class Load {
 public:
  Load(client::RemoteKv& kv, KvPhase phase, const KvLoadOptions& options)
      : kv_(kv), phase_(phase), options_(options), began_(MonotonicNanosNow()) {}

  client::RemoteKv& kv() const { return kv_; }
  KvPhase phase() const { return phase_; }
  const KvLoadOptions& options() const { return options_; }
  uint64_t began() const { return began_; }

  // The number of the next operation, if there is to be one.
  std::optional<uint64_t> Next(uint64_t now) {
    if (failed_.load(std::memory_order_relaxed)) return std::nullopt;
    const bool timed = options_.operations == 0;
    if (timed && now - began_ >= options_.seconds * 1'000'000'000ULL) {
      return std::nullopt;
    }
    const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    if (!timed && number >= options_.operations) return std::nullopt;
    return number;
  }

  void Fail(Error error) {
    const MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_.store(true, std::memory_order_relaxed);
  }
  std::optional<Error> error() const {
    const MutexLock lock(mutex_);
    return error_;
  }

 private:
  client::RemoteKv& kv_;
  const KvPhase phase_;
  const KvLoadOptions options_;
  const uint64_t began_;

  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};

  mutable Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

// One operation after the other. Its callbacks follow each other, so it has one caller.
class Chain {
 public:
  Chain(Load& load, std::latch& ended, uint64_t seed) : load_(load), ended_(ended), random_(seed) {
    Bytes& value = value_.value;
    value.resize(load.options().value_bytes);
    for (char& c : value) c = static_cast<char>(random_.Next());
  }

  void Begin() { BeginAt(MonotonicNanosNow()); }

  const Histogram& latency() const { return latency_; }

 private:
  void BeginAt(uint64_t now) {
    const auto number = load_.Next(now);
    if (!number) return ended_.count_down();
    began_ = now;
    const auto deadline = load_.kv().cluster().DefaultDeadline();
    const uint64_t keys = load_.options().keys;
    switch (load_.phase()) {
      case KvPhase::kPut:
        load_.kv().Put(KeyOf(*number % keys), value_, std::nullopt, deadline,
                       [this](const Result<uint64_t>& version) { End(version); });
        return;
      case KvPhase::kGet:
        load_.kv().Get(KeyOf(random_.Below(keys)), deadline,
                       [this](const Result<std::optional<client::Record>>& record) {
                         if (record && !*record) {
                           return End(Status(Fail(ErrorCode::kNotFound, "a key is gone")));
                         }
                         End(record);
                       });
        return;
      case KvPhase::kDelete:
        load_.kv().Delete(KeyOf(*number % keys), std::nullopt, deadline,
                          [this](const Result<bool>& existed) { End(existed); });
        return;
    }
  }

  template <typename T>
  void End(const Result<T>& result) {
    const uint64_t now = MonotonicNanosNow();
    if (result) {
      latency_.Record(now - began_);
    } else {
      load_.Fail(result.error());
    }
    BeginAt(now);
  }

  Load& load_;
  std::latch& ended_;
  Random random_;
  state::Encoded value_;
  uint64_t began_ = 0;
  Histogram latency_;
};

}  // namespace

Result<KvLoadResult> RunKvLoad(client::RemoteKv& kv, KvPhase phase, const KvLoadOptions& options) {
  Load load(kv, phase, options);
  std::latch ended(options.in_flight);
  std::deque<Chain> chains;
  for (uint32_t i = 0; i < options.in_flight; ++i) {
    chains.emplace_back(load, ended, options.seed + i);
  }
  for (Chain& chain : chains) chain.Begin();
  ended.wait();
  KvLoadResult result;
  result.seconds = static_cast<double>(MonotonicNanosNow() - load.began()) / 1e9;
  if (const auto error = load.error()) return Fail(*error);
  for (const Chain& chain : chains) result.latency.Merge(chain.latency());
  result.ops = result.latency.count();
  return result;
}

}  // namespace metaring::ctl
