// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary of the state machine as the structs of kv.thrift, and back: one file for the node
// and for its clients, so that both mean the same by each field.
//
// ToWire takes its argument by value and moves the bytes out of it. FromWire does the same with
// what came from outside and trusts nothing: an unknown value of an enum, a negative number and a
// missing field that has no default are kInvalidArgument, and the message begins with the field's
// name. Limits of sizes and counts are not checked here; the state machine does (state/read.h).
#ifndef METARING_KVNODE_CLIENT_WIRE_H_
#define METARING_KVNODE_CLIENT_WIRE_H_

#include <kv_types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"
#include "kvnode/state/codec.h"
#include "kvnode/state/command.h"

namespace metaring::client {

// PROTOCOL_VERSION and PROTOCOL_VERSION_MIN of kv.thrift.
inline constexpr int32_t kProtocolVersion = 1;
inline constexpr int32_t kProtocolVersionMin = 1;
inline constexpr std::chrono::milliseconds kRequestDeadlineDefault{30'000};
inline constexpr std::chrono::milliseconds kRequestDeadlineMax{3'600'000};

// --- errors --------------------------------------------------------------------------------------

struct RemoteError {
  Error error;
  // When a retry may do better; zero: at once.
  std::chrono::milliseconds retry_after{0};
};

// Codes that only a filesystem knows become INTERNAL. No hint when `retry_after` is zero.
wire::KvError ToWire(Error error, std::chrono::milliseconds retry_after = {});
// Total: what is unknown is kInternal, a hint that is none is zero.
RemoteError FromWire(wire::KvError&& from);

// --- what requests have in common ----------------------------------------------------------------

struct RequestTarget {
  std::string keyspace;
  std::optional<KeyspaceId> keyspace_id;
  std::chrono::milliseconds deadline = kRequestDeadlineDefault;  // from the request's arrival on
};

// A deadline is brought into its limits.
wire::Target ToWire(RequestTarget target);
Result<RequestTarget> FromWire(wire::Target&& from);

wire::RequestId ToWire(const state::RequestId& id);
Result<state::RequestId> FromWire(const wire::RequestId& from);

// --- records -------------------------------------------------------------------------------------

wire::Record ToWire(state::Record record);
Result<state::Record> FromWire(wire::Record&& from);

// For the lists of multi_get and transact; nothing: there is no such key.
std::vector<wire::MaybeRecord> ToWire(std::vector<std::optional<state::Record>> records);
Result<std::vector<std::optional<state::Record>>> FromWire(std::vector<wire::MaybeRecord>&& from);

// --- requests and replies; fields that are not of the state machine are left ---------------------

wire::GetReply ToWire(std::optional<state::Record> record);
Result<std::optional<state::Record>> FromWire(wire::GetReply&& from);

wire::ScanRequest ToWire(state::ScanRequest request);  // but `target`
Result<state::ScanRequest> FromWire(wire::ScanRequest&& from);
wire::ScanReply ToWire(state::ScanPage page);
Result<state::ScanPage> FromWire(wire::ScanReply&& from);

// The value of a put; key, target and request id are the caller's.
void SetValue(wire::PutRequest& request, state::Encoded value);
Result<state::Encoded> TakeValue(wire::PutRequest& request);

// Of a put or a delete: nothing when it names none.
Result<std::optional<state::RequestId>> RequestIdOf(const wire::PutRequest& request);
Result<std::optional<state::RequestId>> RequestIdOf(const wire::DeleteRequest& request);

wire::TransactRequest ToWire(state::Transaction transaction);  // but `target`
Result<state::Transaction> FromWire(wire::TransactRequest&& from);
wire::TransactReply ToWire(state::TransactReply reply);
Result<state::TransactReply> FromWire(wire::TransactReply&& from);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_WIRE_H_
