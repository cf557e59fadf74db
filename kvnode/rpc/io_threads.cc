// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/io_threads.h"

#include <fmt/format.h>
#include <pthread.h>

#include "kvnode/base/check.h"
#include "kvnode/rpc/io_loop.h"

namespace metaring::rpc {

namespace {

thread_local const IoThreads* threads_of_this_thread = nullptr;

}  // namespace

IoThreads::IoThreads() = default;

IoThreads::~IoThreads() {
  CHECK(loops_.empty());
}

void IoThreads::Start(const std::string& name, unsigned count) {
  CHECK(loops_.empty() && count > 0);
  for (unsigned i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<IoLoop>());
    IoLoop& loop = *loops_.back();
    loop.thread = std::thread([this, &loop, thread_name = fmt::format("{}-{}", name, i)] {
      threads_of_this_thread = this;
      ::pthread_setname_np(::pthread_self(), thread_name.substr(0, 15).c_str());
      loop.context.run();
    });
  }
}

void IoThreads::Stop() {
  for (const auto& loop : loops_) loop->work.reset();
  for (const auto& loop : loops_) loop->thread.join();
  loops_.clear();
}

bool IoThreads::IsCurrent() const {
  return threads_of_this_thread == this;
}

IoLoop& IoThreads::NextLoop() {
  return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

}  // namespace metaring::rpc
