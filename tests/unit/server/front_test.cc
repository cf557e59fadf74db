// SPDX-License-Identifier: Apache-2.0
//
// What Front does around a handler, over a connection that takes small answers only.
#include "kvnode/server/front.h"

#include <Kv.h>
#include <gtest/gtest.h>

#include <Kv.tcc>
#include <kv_types.tcc>

#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::server {
namespace {

constexpr size_t kAnswerBytesMax = 100;

class SmallAnswers : public rpc::CallOrigin {
 public:
  const rpc::Identity& peer() const override { return identity_; }
  const std::string& remote_address() const override { return address_; }
  bool gone() const override { return false; }
  size_t answer_bytes_max() const override { return kAnswerBytesMax; }
  void Answer(Bytes frame, size_t) override { answer_ = std::move(frame); }
  Bytes EncodeRefusal(ByteView method, const Error& error) const override {
    return server::EncodeRefusal(method, error);
  }
  const Bytes& answer() const { return answer_; }

 private:
  const rpc::Identity identity_{rpc::Role::kAdmin, "root"};
  const std::string address_ = "127.0.0.1:4711";
  Bytes answer_;
};

using Answer = rpc::Decoded<wire::Kv_health_check_result>;

class FrontTest : public testing::Test {
 protected:
  FrontTest()
      : store_(*client::OpenEmbeddedOn(store::NewMemoryStore(), disk_, client::EmbeddedOptions(),
                                       clock_)),
        system_(store_->OpenSystem()),
        grants_(*system_),
        keyspaces_(*store_),
        front_({grants_, keyspaces_, counters_, fibers_, reads_, clock_}) {}

  // The answer of health_check with such a warning.
  std::unique_ptr<Answer> Ask(const std::string& warning) {
    rpc::Dispatcher dispatcher(EncodeRefusal);
    front_.Add<Rpc::kHealthCheck>(
        dispatcher, Runs::kHere,
        [&](const Exchange&, wire::HealthCheckRequest&) -> Result<wire::HealthCheckReply> {
          wire::HealthCheckReply reply;
          reply.__set_warnings({warning});
          return reply;
        });
    wire::Kv_health_check_args arguments;
    arguments.__isset.request = true;
    Bytes body;
    rpc::AppendEncoded(body, arguments);
    rpc::Message message;
    message.method = RowOf(Rpc::kHealthCheck).method;
    const auto origin = std::make_shared<SmallAnswers>();
    dispatcher.Serve(rpc::Call(origin, message, body.size()), body);
    const ByteView frame = ByteView(origin->answer()).substr(rpc::kFrameHeadBytes);
    const auto answer = rpc::ParseMessage(frame);
    EXPECT_TRUE(answer);
    auto result = std::make_unique<Answer>(answer->body);
    EXPECT_TRUE(result->status());
    return result;
  }
  NamedCounters Counted() const {
    NamedCounters named;
    counters_.AddTo(named);
    return named;
  }

  sim::SimDisk disk_;
  ManualClock clock_;
  std::unique_ptr<client::Embedded> store_;
  std::unique_ptr<client::Kv> system_;
  Grants grants_;
  KeyspaceTable keyspaces_;
  Counters counters_;
  fiber::Pool fibers_;  // not started: nothing runs there
  ReadPool reads_{1};
  Front front_;
};

TEST_F(FrontTest, AReplyIsNoError) {
  const auto answer = Ask("short");
  Answer& result = *answer;
  EXPECT_TRUE(result->__isset.success);
  EXPECT_EQ(result->success.warnings, std::vector<std::string>{"short"});
  EXPECT_FALSE(Counted().contains("errors.too_big"));
  EXPECT_EQ(counters_.ended(), 1U);
}

TEST_F(FrontTest, AReplyThatIsTooLargeIsRefusedAndCountsAsThat) {
  const auto answer = Ask(std::string(kAnswerBytesMax, 'x'));
  Answer& result = *answer;
  EXPECT_FALSE(result->__isset.success);
  EXPECT_EQ(result->error.code, wire::ErrorCode::TOO_BIG);
  EXPECT_EQ(Counted()["errors.too_big"], 1);
  EXPECT_EQ(counters_.ended(), 1U);
}

}  // namespace
}  // namespace metaring::server
