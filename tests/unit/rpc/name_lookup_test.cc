// SPDX-License-Identifier: Apache-2.0
//
// Names that no name server answers for: this program's getaddrinfo(3) hangs for one name, until it
// is let go, and is the system's for all others.
#include "kvnode/rpc/name_lookup.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <cstring>

#include "kvnode/rpc/channel.h"
#include "tests/unit/rpc/echo_call.h"
#include "tests/unit/rpc/echo_service.h"

namespace {

constexpr char kHangs[] = "hangs.invalid";
std::atomic<int> waiting{0};
std::atomic<bool> let_go{false};

}  // namespace

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the header's are reserved.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto kReal = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node == nullptr || std::strcmp(node, kHangs) != 0) {
    return kReal(node, service, hints, found);
  }
  ++waiting;
  waiting.notify_all();
  let_go.wait(false);
  --waiting;
  waiting.notify_all();
  return EAI_AGAIN;
}

namespace metaring::rpc {
namespace {

class HangingLookup : public ::testing::Test {
 protected:
  HangingLookup() {
    let_go = false;
    threads_.Start("client", 1);
    options_.host = kHangs;
    options_.port = 1;
    options_.allow_insecure_plain_text = true;
    options_.backoff_min = options_.backoff_max = std::chrono::milliseconds(0);
  }
  // Nothing that hangs is left to the next test.
  ~HangingLookup() override {
    threads_.Stop();
    let_go = true;
    let_go.notify_all();
    for (int count = waiting; count > 0; count = waiting) waiting.wait(count);
  }
  static void AwaitOne() { waiting.wait(0); }

  IoThreads threads_;
  ChannelOptions options_;
};

TEST_F(HangingLookup, DoesNotHoldUpTheEnd) {
  auto channel = std::make_unique<Channel>(threads_, options_);
  EchoCall call(*channel, "x");
  AwaitOne();
  channel.reset();
  threads_.Stop();
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnavailable);
  EXPECT_EQ(waiting, 1);
}

TEST_F(HangingLookup, DoesNotHoldUpOtherChannels) {
  Channel channel(threads_, options_);
  const EchoCall call(channel, "x");
  AwaitOne();
  const TestServer server;
  options_.host = "localhost";
  options_.port = server.port();
  Channel other(threads_, options_);
  EXPECT_EQ(*EchoCall(other, "x").Await(), "x");
}

TEST_F(HangingLookup, HasOneThreadForManyAttempts) {
  options_.connect_deadline = std::chrono::milliseconds(5);
  Channel channel(threads_, options_);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(CodeOf(EchoCall(channel, "x").Await()), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(waiting, 1);
}

}  // namespace
}  // namespace metaring::rpc
