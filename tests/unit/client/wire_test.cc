// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/wire.h"

#include <gtest/gtest.h>

#include "tests/unit/client/wire_outcome.h"

namespace metaring::client {
namespace {

using state::Codec;

TEST(WireError, CodesKeepTheirNumbersBothWays) {
  for (int number = 1; number <= static_cast<int>(ErrorCode::kInternal); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const wire::KvError there = ToWire(Error{code, "why"});
    const bool travels = number < 5 || number == 13 || number > 14;
    EXPECT_EQ(static_cast<int>(there.code), travels ? number : 28);
    const RemoteError back = FromWire(wire::KvError(there));
    EXPECT_EQ(back.error.code, travels ? code : ErrorCode::kInternal);
    EXPECT_EQ(back.error.message, "why");
    EXPECT_EQ(back.retry_after.count(), 0);
  }
}

TEST(WireError, UnknownCodesAreInternal) {
  EXPECT_EQ(FromWire(wire::KvError()).error.code, ErrorCode::kInternal);
  for (const int32_t number : {0, -1, 5, 14, 29, 1 << 30}) {
    wire::KvError odd;
    odd.code = Unknown<wire::ErrorCode::type>(number);
    odd.__isset.code = true;
    EXPECT_EQ(FromWire(std::move(odd)).error.code, ErrorCode::kInternal) << number;
  }
}

TEST(WireError, AMessageIsOneLineThatATerminalMayShow) {
  wire::KvError odd = ToWire(Error{ErrorCode::kIo, "two\nlines \x1b[31m \x7f na\xc3\xafve \\x41"});
  EXPECT_EQ(FromWire(std::move(odd)).error.message, "two?lines ?[31m ? na\xc3\xafve \\x41");
  EXPECT_EQ(FromWire(ToWire(Error{ErrorCode::kIo, Bytes(1 << 20, 'x')})).error.message.size(),
            4096U);
}

TEST(WireError, HintsTravelWhenTheyAreAny) {
  const Error busy{ErrorCode::kBusy, ""};
  EXPECT_EQ(FromWire(ToWire(busy, std::chrono::milliseconds(70))).retry_after.count(), 70);
  EXPECT_EQ(ToWire(busy, std::chrono::hours(10'000)).retry_after_ms, INT32_MAX);
  wire::KvError odd = ToWire(busy);
  EXPECT_FALSE(odd.__isset.retry_after_ms);
  odd.__set_retry_after_ms(-5);
  EXPECT_EQ(FromWire(std::move(odd)).retry_after.count(), 0);
}

TEST(WireTarget, TravelsAndHasDefaults) {
  const auto back = FromWire(ToWire(RequestTarget{"ks", KeyspaceId(7), {}}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->keyspace, "ks");
  EXPECT_EQ(back->keyspace_id, KeyspaceId(7));
  EXPECT_EQ(back->deadline.count(), 1);
  wire::Target plain;
  plain.__set_keyspace("ks");
  const auto defaults = FromWire(std::move(plain));
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->keyspace_id, std::nullopt);
  EXPECT_EQ(defaults->deadline, kRequestDeadlineDefault);
}

TEST(WireTarget, RefusesWhatMakesNoSense) {
  EXPECT_EQ(MessageOf(FromWire(wire::Target())), "target.keyspace: missing");
  wire::Target target = ToWire(RequestTarget{"ks", KeyspaceId(7), {}});
  target.keyspace_id = -7;
  EXPECT_EQ(MessageOf(FromWire(wire::Target(target))), "target.keyspace_id: negative");
  target.keyspace_id = 7;
  for (const int32_t deadline : {0, -1, 3'600'001}) {
    target.deadline_ms = deadline;
    EXPECT_EQ(MessageOf(FromWire(wire::Target(target))), "target.deadline_ms: not in 1 to 3600000");
  }
}

TEST(WireRequestId, TravelsWithAllBitsOfTheClient) {
  const state::RequestId id{UINT64_MAX - 1, 9, 4};
  const auto back = FromWire(ToWire(id));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->client, id.client);
  EXPECT_EQ(back->sequence, 9U);
  EXPECT_EQ(back->lowest_outstanding, 4U);
}

TEST(WireRequestId, RefusesWhatNamesNothing) {
  EXPECT_EQ(MessageOf(FromWire(wire::RequestId())), "request_id.client: missing or 0");
  wire::RequestId id;
  id.__set_client(1);
  EXPECT_EQ(MessageOf(FromWire(id)), "request_id.sequence: missing or not positive");
  id.__set_sequence(3);
  for (const int64_t lowest : {-1, 4}) {
    id.__set_lowest_outstanding(lowest);
    EXPECT_EQ(MessageOf(FromWire(id)), "request_id.lowest_outstanding: not in 0 to sequence");
  }
}

TEST(WireRecord, TravelsWithoutACopy) {
  state::Record record{Bytes(100, 'v'), Codec::kZstd, 12};
  const char* data = record.value.data();
  const auto back = FromWire(ToWire(std::move(record)));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->value, Bytes(100, 'v'));
  EXPECT_EQ(back->value.data(), data);
  EXPECT_EQ(back->codec, Codec::kZstd);
  EXPECT_EQ(back->version, 12U);
}

TEST(WireRecord, RefusesUnknownCodecsAndNegativeVersions) {
  wire::Record record;
  record.codec = Unknown<wire::Codec::type>(2);
  record.__isset.codec = true;
  EXPECT_EQ(MessageOf(FromWire(wire::Record(record))), "codec: unknown value 2");
  record.codec = Unknown<wire::Codec::type>(-1);
  EXPECT_EQ(MessageOf(FromWire(wire::Record(record))), "codec: unknown value -1");
  record.__set_codec(wire::Codec::NONE);
  record.__set_version(-1);
  EXPECT_EQ(MessageOf(FromWire(wire::Record(record))), "version: negative");
  wire::MaybeRecord maybe;
  maybe.__set_record(record);
  EXPECT_EQ(MessageOf(FromWire(std::vector<wire::MaybeRecord>{{}, maybe})),
            "records[1].version: negative");
}

TEST(WireRecord, AbsenceTravels) {
  const auto none = FromWire(ToWire(std::optional<state::Record>()));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  std::vector<std::optional<state::Record>> records{std::nullopt, state::Record{"", {}, 3}};
  const auto back = FromWire(ToWire(std::move(records)));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 2U);
  EXPECT_FALSE((*back)[0].has_value());
  EXPECT_EQ((*back)[1]->version, 3U);
}

TEST(WireScan, RequestsTravel) {
  state::ScanRequest request{"a", "b", 17, "cursor", true, true};
  const auto back = FromWire(ToWire(request));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->begin, "a");
  EXPECT_EQ(back->end, "b");
  EXPECT_EQ(back->limit, 17U);
  EXPECT_EQ(back->cursor, "cursor");
  EXPECT_TRUE(back->keys_only);
  EXPECT_TRUE(back->keep_damaged);
  EXPECT_EQ(FromWire(wire::ScanRequest())->limit, 1000U);
  request.limit = SIZE_MAX;
  EXPECT_EQ(FromWire(ToWire(request))->limit, size_t{INT32_MAX});
  wire::ScanRequest odd;
  odd.__set_limit(-1);
  EXPECT_EQ(MessageOf(FromWire(std::move(odd))), "limit: negative");
}

TEST(WireScan, PagesTravel) {
  state::ScanPage page;
  page.items.push_back({"k", {"v", Codec::kZstd, 5}, false});
  page.items.push_back({"l", {"", Codec::kNone, 0}, true});
  page.cursor = "next";
  const auto back = FromWire(ToWire(page));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->items.size(), 2U);
  EXPECT_EQ(back->items[0].key, "k");
  EXPECT_EQ(back->items[0].record.value, "v");
  EXPECT_EQ(back->items[0].record.codec, Codec::kZstd);
  EXPECT_EQ(back->items[0].record.version, 5U);
  EXPECT_FALSE(back->items[0].damaged);
  EXPECT_TRUE(back->items[1].damaged);
  EXPECT_EQ(back->cursor, "next");
  wire::ScanReply odd = ToWire(page);
  odd.items[1].record.version = -2;
  EXPECT_EQ(MessageOf(FromWire(std::move(odd))), "items[1].record.version: negative");
}

TEST(WirePut, ValuesTravelWithTheirCodec) {
  wire::PutRequest request;
  SetValue(request, {"v", Codec::kZstd});
  const auto value = TakeValue(request);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->value, "v");
  EXPECT_EQ(value->codec, Codec::kZstd);
  EXPECT_EQ(TakeValue(request)->value, "");
  request.codec = Unknown<wire::Codec::type>(9);
  EXPECT_EQ(MessageOf(TakeValue(request)), "codec: unknown value 9");
}

TEST(WirePut, RequestIdsAreOptional) {
  wire::PutRequest put;
  EXPECT_EQ(RequestIdOf(put)->has_value(), false);
  put.__set_request_id(ToWire(state::RequestId{1, 2, 0}));
  EXPECT_EQ((*RequestIdOf(put))->sequence, 2U);
  wire::DeleteRequest erase;
  erase.__set_request_id(wire::RequestId());
  EXPECT_EQ(MessageOf(RequestIdOf(erase)), "request_id.client: missing or 0");
}

state::Transaction SomeTransaction() {
  using CompareKind = state::Compare::Kind;
  using OpKind = state::Op::Kind;
  state::Transaction transaction;
  transaction.compares = {{CompareKind::kExists, "a", 0, "", ""},
                          {CompareKind::kAbsent, "b", 0, "", ""},
                          {CompareKind::kVersion, "c", 6, "", ""},
                          {CompareKind::kValue, "d", 0, "value", ""},
                          {CompareKind::kRangeEmpty, "e", 0, "", "f"}};
  transaction.then_ops = {{OpKind::kPut, "g", "h", Codec::kZstd, 0},
                          {OpKind::kDelete, "i", "", Codec::kNone, 0},
                          {OpKind::kAdd, "j", "", Codec::kNone, -3},
                          {OpKind::kMax, "k", "", Codec::kNone, 4}};
  transaction.else_reads = {"l", ""};
  transaction.request_id = {1, 2, 1};
  transaction.frees_space = true;
  return transaction;
}

TEST(WireTransact, RequestsTravel) {
  const state::Transaction there = SomeTransaction();
  const auto back = FromWire(ToWire(there));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->compares.size(), there.compares.size());
  for (size_t i = 0; i < there.compares.size(); ++i) {
    EXPECT_EQ(back->compares[i].kind, there.compares[i].kind);
    EXPECT_EQ(back->compares[i].key, there.compares[i].key);
    EXPECT_EQ(back->compares[i].version, there.compares[i].version);
    EXPECT_EQ(back->compares[i].value, there.compares[i].value);
    EXPECT_EQ(back->compares[i].end, there.compares[i].end);
  }
  ASSERT_EQ(back->then_ops.size(), there.then_ops.size());
  for (size_t i = 0; i < there.then_ops.size(); ++i) {
    EXPECT_EQ(back->then_ops[i].kind, there.then_ops[i].kind);
    EXPECT_EQ(back->then_ops[i].key, there.then_ops[i].key);
    EXPECT_EQ(back->then_ops[i].value, there.then_ops[i].value);
    EXPECT_EQ(back->then_ops[i].codec, there.then_ops[i].codec);
    EXPECT_EQ(back->then_ops[i].delta, there.then_ops[i].delta);
  }
  EXPECT_EQ(back->else_reads, there.else_reads);
  EXPECT_EQ(back->request_id->sequence, 2U);
  EXPECT_TRUE(back->frees_space);
}

TEST(WireTransact, RefusalsNameTheItem) {
  wire::TransactRequest request = ToWire(SomeTransaction());
  request.compares[2].version = -1;
  EXPECT_EQ(MessageOf(FromWire(wire::TransactRequest(request))), "compares[2].version: negative");
  request.compares[2].kind = Unknown<wire::CompareKind::type>(6);
  EXPECT_EQ(MessageOf(FromWire(wire::TransactRequest(request))),
            "compares[2].kind: unknown value 6");
  request.compares[2].__isset.kind = false;
  EXPECT_EQ(MessageOf(FromWire(wire::TransactRequest(request))), "compares[2].kind: missing");
  request = ToWire(SomeTransaction());
  request.then_ops[1].kind = Unknown<wire::OpKind::type>(0);
  EXPECT_EQ(MessageOf(FromWire(wire::TransactRequest(request))),
            "then_ops[1].kind: unknown value 0");
  request = ToWire(SomeTransaction());
  request.then_ops[0].codec = Unknown<wire::Codec::type>(3);
  EXPECT_EQ(MessageOf(FromWire(wire::TransactRequest(request))),
            "then_ops[0].codec: unknown value 3");
  request = ToWire(SomeTransaction());
  request.request_id.client = 0;
  EXPECT_EQ(MessageOf(FromWire(std::move(request))), "request_id.client: missing or 0");
}

TEST(WireTransact, RepliesTravel) {
  state::TransactReply done;
  done.succeeded = true;
  done.version = 8;
  const auto back = FromWire(ToWire(done));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->succeeded);
  EXPECT_EQ(back->version, 8U);
  state::TransactReply failed;
  failed.failed_compare = 2;
  failed.reads = {std::nullopt, state::Record{"v", Codec::kNone, 3}};
  const auto why = FromWire(ToWire(failed));
  ASSERT_TRUE(why);
  EXPECT_FALSE(why->succeeded);
  EXPECT_EQ(why->failed_compare, 2U);
  ASSERT_EQ(why->reads.size(), 2U);
  EXPECT_EQ(why->reads[1]->value, "v");
  EXPECT_EQ(MessageOf(FromWire(wire::TransactReply())), "succeeded: missing");
}

}  // namespace
}  // namespace metaring::client
