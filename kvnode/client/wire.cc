// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/wire.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "kvnode/client/wire_checks.h"

namespace metaring::client {
namespace {

// An error of a part of something.
Error Within(const std::string& where, Error error) {
  error.message.insert(0, where + ".");
  return error;
}
std::string Item(const char* list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

Result<state::Codec> CodecOf(bool set, const wire::Codec::type& from) {
  if (!set) return state::Codec::kNone;
  return EnumOf("codec", from, state::Codec::kNone, state::Codec::kZstd);
}

// Sets the codec of a struct that has one. Absent means none.
template <typename Struct>
void SetCodec(Struct& to, state::Codec codec) {
  to.codec = static_cast<wire::Codec::type>(codec);
  to.__isset.codec = codec != state::Codec::kNone;
}

// Sets a binary field; absent means empty.
#define METARING_SET_BYTES(to, field, bytes)  \
  do {                                        \
    (to).field = std::move(bytes);            \
    (to).__isset.field = !(to).field.empty(); \
  } while (false)

// What a stranger says, fit for a line of a log or a terminal.
std::string Printable(std::string text) {
  constexpr size_t kBytesMax = 4096;
  if (text.size() > kBytesMax) text.resize(kBytesMax);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return text;
}

bool OnlyOfFilesystems(ErrorCode code) {
  return code > ErrorCode::kPermissionDenied && code < ErrorCode::kNoSpace &&
         code != ErrorCode::kTooBig;
}

}  // namespace

// --- errors --------------------------------------------------------------------------------------

wire::KvError ToWire(Error error, std::chrono::milliseconds retry_after) {
  const ErrorCode code = OnlyOfFilesystems(error.code) ? ErrorCode::kInternal : error.code;
  wire::KvError to;
  to.__set_code(static_cast<wire::ErrorCode::type>(code));
  METARING_SET_BYTES(to, message, error.message);
  if (retry_after.count() > 0) {
    constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
    to.__set_retry_after_ms(static_cast<int32_t>(std::min<int64_t>(retry_after.count(), kMax)));
  }
  return to;
}

RemoteError FromWire(wire::KvError&& from) {
  RemoteError to{{ErrorCode::kInternal, Printable(std::move(from.message))}};
  const int32_t number = from.__isset.code ? NumberOf(from.code) : 0;
  if (number >= 1 && number <= static_cast<int32_t>(ErrorCode::kInternal)) {
    to.error.code = static_cast<ErrorCode>(number);
    if (OnlyOfFilesystems(to.error.code)) to.error.code = ErrorCode::kInternal;
  }
  if (from.__isset.retry_after_ms && from.retry_after_ms > 0) {
    to.retry_after = std::chrono::milliseconds(from.retry_after_ms);
  }
  return to;
}

// --- what requests have in common ----------------------------------------------------------------

wire::Target ToWire(RequestTarget target) {
  wire::Target to;
  METARING_SET_BYTES(to, keyspace, target.keyspace);
  if (target.keyspace_id) to.__set_keyspace_id(static_cast<int32_t>(target.keyspace_id->value()));
  const auto deadline =
      std::clamp(target.deadline, std::chrono::milliseconds(1), kRequestDeadlineMax);
  to.__set_deadline_ms(static_cast<int32_t>(deadline.count()));
  return to;
}

Result<RequestTarget> FromWire(wire::Target&& from) {
  RequestTarget to;
  if (!from.__isset.keyspace) return Wrong("target.keyspace", "missing");
  to.keyspace = std::move(from.keyspace);
  if (from.__isset.keyspace_id) {
    if (from.keyspace_id < 0) return Wrong("target.keyspace_id", "negative");
    to.keyspace_id = KeyspaceId(static_cast<uint32_t>(from.keyspace_id));
  }
  if (from.__isset.deadline_ms) {
    to.deadline = std::chrono::milliseconds(from.deadline_ms);
    if (from.deadline_ms < 1 || to.deadline > kRequestDeadlineMax) {
      return Wrong("target.deadline_ms", "not in 1 to 3600000");
    }
  }
  return to;
}

wire::RequestId ToWire(const state::RequestId& id) {
  wire::RequestId to;
  to.__set_client(static_cast<int64_t>(id.client));
  to.__set_sequence(static_cast<int64_t>(id.sequence));
  to.__set_lowest_outstanding(static_cast<int64_t>(id.lowest_outstanding));
  return to;
}

Result<state::RequestId> FromWire(const wire::RequestId& from) {
  if (from.client == 0) return Wrong("request_id.client", "missing or 0");
  if (from.sequence < 1) return Wrong("request_id.sequence", "missing or not positive");
  if (from.lowest_outstanding < 0 || from.lowest_outstanding > from.sequence) {
    return Wrong("request_id.lowest_outstanding", "not in 0 to sequence");
  }
  // Any 64 bits but 0 name a client.
  return state::RequestId{static_cast<uint64_t>(from.client), static_cast<uint64_t>(from.sequence),
                          static_cast<uint64_t>(from.lowest_outstanding)};
}

// --- records -------------------------------------------------------------------------------------

wire::Record ToWire(state::Record record) {
  wire::Record to;
  METARING_SET_BYTES(to, value, record.value);
  SetCodec(to, record.codec);
  to.__set_version(static_cast<int64_t>(record.version));
  return to;
}

Result<state::Record> FromWire(wire::Record&& from) {
  state::Record to;
  ASSIGN_OR_RETURN(to.codec, CodecOf(from.__isset.codec, from.codec));
  ASSIGN_OR_RETURN(to.version, Unsigned("version", from.version));
  to.value = std::move(from.value);
  return to;
}

std::vector<wire::MaybeRecord> ToWire(std::vector<std::optional<state::Record>> records) {
  std::vector<wire::MaybeRecord> to(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    if (!records[i]) continue;
    to[i].record = ToWire(std::move(*records[i]));
    to[i].__isset.record = true;
  }
  return to;
}

Result<std::vector<std::optional<state::Record>>> FromWire(std::vector<wire::MaybeRecord>&& from) {
  std::vector<std::optional<state::Record>> to(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    if (!from[i].__isset.record) continue;
    auto record = FromWire(std::move(from[i].record));
    if (!record) return Fail(Within(Item("records", i), std::move(record).error()));
    to[i] = std::move(*record);
  }
  return to;
}

// --- reads ---------------------------------------------------------------------------------------

wire::GetReply ToWire(std::optional<state::Record> record) {
  wire::GetReply to;
  to.__isset.record = record.has_value();
  if (record) to.record = ToWire(std::move(*record));
  return to;
}

Result<std::optional<state::Record>> FromWire(wire::GetReply&& from) {
  if (!from.__isset.record) return std::nullopt;
  ASSIGN_OR_RETURN(state::Record record, FromWire(std::move(from.record)));
  return record;
}

wire::ScanRequest ToWire(state::ScanRequest request) {
  wire::ScanRequest to;
  METARING_SET_BYTES(to, start_key, request.begin);
  METARING_SET_BYTES(to, end_key, request.end);
  constexpr size_t kMax = std::numeric_limits<int32_t>::max();
  to.__set_limit(static_cast<int32_t>(std::min(request.limit, kMax)));
  METARING_SET_BYTES(to, cursor, request.cursor);
  if (request.keys_only) to.__set_keys_only(true);
  if (request.keep_damaged) to.__set_keep_damaged(true);
  return to;
}

Result<state::ScanRequest> FromWire(wire::ScanRequest&& from) {
  state::ScanRequest to;
  if (from.__isset.limit) {
    ASSIGN_OR_RETURN(to.limit, Unsigned("limit", from.limit));
  }
  to.begin = std::move(from.start_key);
  to.end = std::move(from.end_key);
  to.cursor = std::move(from.cursor);
  to.keys_only = from.keys_only;
  to.keep_damaged = from.keep_damaged;
  return to;
}

wire::ScanReply ToWire(state::ScanPage page) {
  wire::ScanReply to;
  to.items.resize(page.items.size());
  to.__isset.items = true;
  for (size_t i = 0; i < page.items.size(); ++i) {
    METARING_SET_BYTES(to.items[i], key, page.items[i].key);
    to.items[i].record = ToWire(std::move(page.items[i].record));
    to.items[i].__isset.record = true;
    if (page.items[i].damaged) to.items[i].__set_damaged(true);
  }
  METARING_SET_BYTES(to, cursor, page.cursor);
  return to;
}

Result<state::ScanPage> FromWire(wire::ScanReply&& from) {
  state::ScanPage to;
  to.items.resize(from.items.size());
  for (size_t i = 0; i < from.items.size(); ++i) {
    to.items[i].key = std::move(from.items[i].key);
    to.items[i].damaged = from.items[i].damaged;
    auto record = FromWire(std::move(from.items[i].record));
    if (!record) return Fail(Within(Item("items", i) + ".record", std::move(record).error()));
    to.items[i].record = std::move(*record);
  }
  to.cursor = std::move(from.cursor);
  return to;
}

// --- writes --------------------------------------------------------------------------------------

namespace {

template <typename Request>
Result<std::optional<state::RequestId>> RequestIdIn(const Request& request) {
  if (!request.__isset.request_id) return std::nullopt;
  ASSIGN_OR_RETURN(const state::RequestId id, FromWire(request.request_id));
  return id;
}

wire::Compare ToWire(state::Compare compare) {
  wire::Compare to;
  to.__set_kind(static_cast<wire::CompareKind::type>(compare.kind));
  METARING_SET_BYTES(to, key, compare.key);
  if (compare.kind == state::Compare::Kind::kVersion) {
    to.__set_version(static_cast<int64_t>(compare.version));
  }
  METARING_SET_BYTES(to, value, compare.value);
  METARING_SET_BYTES(to, end_key, compare.end);
  return to;
}

Result<state::Compare> FromWire(wire::Compare&& from) {
  state::Compare to;
  if (!from.__isset.kind) return Wrong("kind", "missing");
  ASSIGN_OR_RETURN(to.kind, EnumOf("kind", from.kind, state::Compare::Kind::kExists,
                                   state::Compare::Kind::kRangeEmpty));
  ASSIGN_OR_RETURN(to.version, Unsigned("version", from.version));
  to.key = std::move(from.key);
  to.value = std::move(from.value);
  to.end = std::move(from.end_key);
  return to;
}

wire::Op ToWire(state::Op op) {
  wire::Op to;
  to.__set_kind(static_cast<wire::OpKind::type>(op.kind));
  METARING_SET_BYTES(to, key, op.key);
  METARING_SET_BYTES(to, value, op.value);
  SetCodec(to, op.codec);
  if (op.delta != 0) to.__set_delta(op.delta);
  return to;
}

Result<state::Op> FromWire(wire::Op&& from) {
  state::Op to;
  if (!from.__isset.kind) return Wrong("kind", "missing");
  ASSIGN_OR_RETURN(to.kind,
                   EnumOf("kind", from.kind, state::Op::Kind::kPut, state::Op::Kind::kMax));
  ASSIGN_OR_RETURN(to.codec, CodecOf(from.__isset.codec, from.codec));
  to.key = std::move(from.key);
  to.value = std::move(from.value);
  to.delta = from.delta;
  return to;
}

template <typename To, typename From>
std::vector<To> ListToWire(std::vector<From> from) {
  std::vector<To> to;
  to.reserve(from.size());
  for (From& item : from) to.push_back(ToWire(std::move(item)));
  return to;
}

template <typename To, typename From>
Result<std::vector<To>> ListFromWire(const char* field, std::vector<From>&& from) {
  std::vector<To> to;
  to.reserve(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    auto item = FromWire(std::move(from[i]));
    if (!item) return Fail(Within(Item(field, i), std::move(item).error()));
    to.push_back(std::move(*item));
  }
  return to;
}

}  // namespace

void SetValue(wire::PutRequest& request, state::Encoded value) {
  METARING_SET_BYTES(request, value, value.value);
  SetCodec(request, value.codec);
}

Result<state::Encoded> TakeValue(wire::PutRequest& request) {
  ASSIGN_OR_RETURN(const state::Codec codec, CodecOf(request.__isset.codec, request.codec));
  return state::Encoded{std::move(request.value), codec};
}

Result<std::optional<state::RequestId>> RequestIdOf(const wire::PutRequest& request) {
  return RequestIdIn(request);
}
Result<std::optional<state::RequestId>> RequestIdOf(const wire::DeleteRequest& request) {
  return RequestIdIn(request);
}

wire::TransactRequest ToWire(state::Transaction transaction) {
  wire::TransactRequest to;
  to.compares = ListToWire<wire::Compare>(std::move(transaction.compares));
  to.__isset.compares = !to.compares.empty();
  to.then_ops = ListToWire<wire::Op>(std::move(transaction.then_ops));
  to.__isset.then_ops = !to.then_ops.empty();
  METARING_SET_BYTES(to, else_reads, transaction.else_reads);
  if (transaction.request_id) to.__set_request_id(ToWire(*transaction.request_id));
  if (transaction.frees_space) to.__set_frees_space(true);
  return to;
}

Result<state::Transaction> FromWire(wire::TransactRequest&& from) {
  state::Transaction to;
  ASSIGN_OR_RETURN(to.request_id, RequestIdIn(from));
  ASSIGN_OR_RETURN(to.compares, ListFromWire<state::Compare>("compares", std::move(from.compares)));
  ASSIGN_OR_RETURN(to.then_ops, ListFromWire<state::Op>("then_ops", std::move(from.then_ops)));
  to.else_reads = std::move(from.else_reads);
  to.frees_space = from.frees_space;
  return to;
}

wire::TransactReply ToWire(state::TransactReply reply) {
  wire::TransactReply to;
  to.__set_succeeded(reply.succeeded);
  if (reply.succeeded) {
    to.__set_version(static_cast<int64_t>(reply.version));
    return to;
  }
  to.__set_failed_compare(static_cast<int32_t>(reply.failed_compare));
  to.reads = ToWire(std::move(reply.reads));
  to.__isset.reads = !to.reads.empty();
  return to;
}

Result<state::TransactReply> FromWire(wire::TransactReply&& from) {
  state::TransactReply to;
  if (!from.__isset.succeeded) return Wrong("succeeded", "missing");
  to.succeeded = from.succeeded;
  ASSIGN_OR_RETURN(to.version, Unsigned("version", from.version));
  ASSIGN_OR_RETURN(to.failed_compare, Unsigned("failed_compare", from.failed_compare));
  ASSIGN_OR_RETURN(to.reads, FromWire(std::move(from.reads)));
  return to;
}

#undef METARING_SET_BYTES

}  // namespace metaring::client
