// SPDX-License-Identifier: Apache-2.0
#include "kvnode/cluster/peer_wire.h"

#include <Node.h>
#include <gtest/gtest.h>

#include <Node.tcc>
#include <functional>
#include <kv_types.tcc>
#include <node_types.tcc>

#include "kvnode/rpc/codec.h"
#include "kvnode/rpc/frame.h"
#include "tests/unit/cluster/messages.h"

namespace metaring::cluster {
namespace {

using Arguments = rpc::Decoded<wire::Node_deliver_args>;

const Envelope kEnvelope{"0123456789abcdef0123456789abcdef", NodeId(4), NodeId(5), 77};

strong::PeerMessage Full() {
  return FullMessage(kEnvelope.from, kEnvelope.to);
}

// The argument struct in a frame.
Bytes BodyOf(const strong::PeerMessage& message) {
  Bytes frame = EncodeDeliver(kEnvelope, message);
  rpc::EndFrame(frame);
  const auto parsed = rpc::ParseMessage(ByteView(frame).substr(rpc::kFrameHeadBytes));
  EXPECT_TRUE(parsed);
  EXPECT_EQ(parsed->method, "deliver");
  return Bytes(parsed->body);
}

TEST(PeerWire, EveryFieldComesBack) {
  Arguments arguments(BodyOf(Full()));
  ASSERT_TRUE(arguments.status());
  const auto envelope = EnvelopeOf(arguments->request);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->cluster_id, kEnvelope.cluster_id);
  EXPECT_EQ(envelope->from, kEnvelope.from);
  EXPECT_EQ(envelope->to, kEnvelope.to);
  EXPECT_EQ(envelope->map_epoch, kEnvelope.map_epoch);
  const auto message = FromWire(std::move(arguments->request), *envelope);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_TRUE(IsSane(*message));
  EXPECT_EQ(Text(*message), Text(Full()));
}

TEST(PeerWire, GeneratedCodeWritesTheSameBytes) {
  const Bytes body = BodyOf(Full());
  Arguments arguments(body);
  ASSERT_TRUE(arguments.status());
  Bytes again;
  rpc::AppendEncoded(again, *arguments);
  EXPECT_EQ(again, body);
}

TEST(PeerWire, NothingIsAMessageToo) {
  Arguments arguments(BodyOf({}));
  ASSERT_TRUE(arguments.status());
  const auto message = FromWire(std::move(arguments->request), kEnvelope);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->Empty());
}

TEST(PeerWire, PayloadsAreMovedIn) {
  Arguments arguments(BodyOf(Append(kEnvelope.from, kEnvelope.to, 5, Bytes(1000, 'x'))));
  const char* const before = arguments->request.groups[0].append_request.payloads[0].data();
  const auto message = FromWire(std::move(arguments->request), kEnvelope);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->groups[0].entries[0].payload->data(), before);
}

// What one change to a good message makes of it.
Status After(const std::function<void(wire::DeliverRequest&)>& change) {
  Arguments arguments(BodyOf(Full()));
  change(arguments->request);
  const auto envelope = EnvelopeOf(arguments->request);
  if (!envelope) return Fail(envelope.error());
  const auto message = FromWire(std::move(arguments->request), *envelope);
  return message ? Status() : Fail(message.error());
}

struct BadCase {
  std::string begins;  // the message of the error
  std::function<void(wire::DeliverRequest&)> change;
};

constexpr int64_t kOver = (int64_t{1} << 62) + 1;
constexpr size_t kAppendAt = 4;  // in FullMessage

std::vector<BadCase> BadNumbers() {
  using R = wire::DeliverRequest;
  return {
      {"from_node: is -1", [](R& r) { r.from_node = -1; }},
      {"to_node: is -2", [](R& r) { r.to_node = -2; }},
      {"map_epoch: is -1", [](R& r) { r.map_epoch = -1; }},
      {"cluster_id: has 33", [](R& r) { r.cluster_id = std::string(33, 'a'); }},
      {"support_request.sequence: is -1", [](R& r) { r.support_request.sequence = -1; }},
      {"support_reply.epoch: is -1", [](R& r) { r.support_reply.epoch = -1; }},
      {"groups[0].term: is", [](R& r) { r.groups[0].term = kOver; }},
      {"groups[0].vote_request.last_index: is",
       [](R& r) { r.groups[0].vote_request.last_index = kOver; }},
      {"groups[0].vote_request.last_term: is -5",
       [](R& r) { r.groups[0].vote_request.last_term = -5; }},
      {"groups[4].append_request.commit: is",
       [](R& r) { r.groups[kAppendAt].append_request.commit = kOver; }},
      {"groups[4].append_request.repair: is -1",
       [](R& r) { r.groups[kAppendAt].append_request.repair = -1; }},
      {"groups[4].append_request.run_terms: is",
       [](R& r) { r.groups[kAppendAt].append_request.run_terms[1] = kOver; }},
      {"groups[5].append_reply.match_index: is",
       [](R& r) { r.groups[5].append_reply.match_index = kOver; }},
      {"groups[5].append_reply.damage: is -1", [](R& r) { r.groups[5].append_reply.damage = -1; }},
      {"questions[0].round: is -1", [](R& r) { r.questions[0].round = -1; }},
      {"confirmations[0].terms: is", [](R& r) { r.confirmations[0].terms[0] = kOver; }},
      {"chunks[0].offset: is 101", [](R& r) { r.chunks[0].offset = 101; }},
      {"chunks[0].bytes_total: is -1", [](R& r) { r.chunks[0].bytes_total = -1; }},
      {"snapshot_replies[1].number: is -1", [](R& r) { r.snapshot_replies[1].number = -1; }},
  };
}

std::vector<BadCase> BadShapes() {
  using R = wire::DeliverRequest;
  const auto append = [](R& r) -> wire::AppendRequest& {
    return r.groups[kAppendAt].append_request;
  };
  return {
      {"groups[0].term: 2 bodies", [](R& r) { r.groups[0].__isset.vote_reply = true; }},
      {"groups[7].term: 0 bodies", [](R& r) { r.groups[7].timeout_now = false; }},
      {"groups[4].append_request.kinds: there is no value 4",
       [=](R& r) { append(r).kinds[0] = 4; }},
      {"groups[4].append_request.kinds: there is no value -1",
       [=](R& r) { append(r).kinds[2] = -1; }},
      {"groups[4].append_request.kinds: has 2; it must have 3",
       [=](R& r) { append(r).kinds.pop_back(); }},
      {"groups[4].append_request.payloads: has 4",
       [=](R& r) { append(r).payloads.emplace_back(); }},
      {"groups[4].append_request.kinds: has 3; it must have",
       [=](R& r) { append(r).last_index = int64_t{1} << 62; }},
      {"groups[4].append_request.run_terms: has 1", [=](R& r) { append(r).run_terms.pop_back(); }},
      {"groups[4].append_request.run_firsts: they are the runs of no log",
       [=](R& r) { append(r).run_terms[1] = 1; }},
      {"groups[4].append_request.run_firsts: they are the runs of no log",
       [=](R& r) { append(r).run_firsts.clear(), append(r).run_terms.clear(); }},
      {"groups[4].append_request.run_firsts: has 4097",
       [=](R& r) { append(r).run_firsts.resize(4097); }},
      {"groups[4].append_request.payloads: has 2162689",
       [=](R& r) { append(r).payloads[1].resize(strong::kEntryBytesMax + 1); }},
      {"groups[6].snapshot.configuration",
       [](R& r) { r.groups[6].install_snapshot.configuration = "?"; }},
      {"questions[0].terms: has 1", [](R& r) { r.questions[0].terms.pop_back(); }},
      {"questions[1].groups: has 4097", [](R& r) { r.questions[1].groups.resize(4097); }},
      {"chunks[0].data: has 524289", [](R& r) { r.chunks[0].data.resize((512 << 10) + 1); }},
      {"chunks[0].data: has 25; the limit is 24", [](R& r) { r.chunks[0].data.resize(25); }},
      {"snapshot_replies[0].answer: there is no value 9",
       [](R& r) { r.snapshot_replies[0].answer = static_cast<wire::SnapshotAnswer::type>(9); }},
      {"groups: has 65537", [](R& r) { r.groups.resize(65'537); }},
      {"payloads: has 8",
       [](R& r) {
         wire::SnapshotChunk chunk = r.chunks[0];
         chunk.bytes_total = 1 << 30;
         chunk.data.resize(512 << 10);
         r.chunks.assign(17, chunk);
       }},
  };
}

TEST(PeerWire, WhatIsWrongIsNamed) {
  ASSERT_TRUE(After([](auto&) {}));
  for (const auto& cases : {BadNumbers(), BadShapes()}) {
    for (const BadCase& bad : cases) {
      const Status status = After(bad.change);
      ASSERT_FALSE(status) << bad.begins;
      EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
      EXPECT_TRUE(status.error().message.starts_with(bad.begins))
          << status.error().message << ", not " << bad.begins;
    }
  }
}

TEST(PeerWire, ATruncatedMessageDecodesNowhere) {
  const Bytes body = BodyOf(Full());
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(Arguments(ByteView(body).substr(0, size)).status()) << size;
  }
}

}  // namespace
}  // namespace metaring::cluster
