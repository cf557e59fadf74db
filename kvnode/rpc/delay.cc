// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/delay.h"

#include <utility>

#include "kvnode/rpc/io_loop.h"

namespace metaring::rpc {
namespace {

class TimerDelay : public Delay, public std::enable_shared_from_this<TimerDelay> {
 public:
  TimerDelay(IoLoop& loop, std::function<void()> ended)
      : loop_(loop), timer_(loop.context), ended_(std::move(ended)) {}

  void Begin(std::chrono::nanoseconds time) {
    timer_.expires_after(time);
    timer_.async_wait(
        [self = shared_from_this()](const auto&) { std::exchange(self->ended_, nullptr)(); });
  }
  // A timer is its loop's.
  void Cut() override {
    asio::post(loop_.context, [self = shared_from_this()] { self->timer_.cancel(); });
  }

 private:
  IoLoop& loop_;
  asio::steady_timer timer_;
  std::function<void()> ended_;
};

}  // namespace

std::shared_ptr<Delay> Delay::Start(IoThreads& threads, std::chrono::nanoseconds time,
                                    std::function<void()> ended) {
  auto delay = std::make_shared<TimerDelay>(threads.NextLoop(), std::move(ended));
  delay->Begin(time);
  return delay;
}

}  // namespace metaring::rpc
