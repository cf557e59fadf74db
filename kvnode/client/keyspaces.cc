// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/keyspaces.h"

#include <fmt/format.h>

#include <charconv>

namespace metaring::client {
namespace {

constexpr char kPrefix[] = "keyspace/";
constexpr char kDroppedPrefix[] = "dropped/";
constexpr char kNextIdKey[] = "next_id";
constexpr uint8_t kFormat = 2;
constexpr uint8_t kFormatOfCompressionOnly = 1;
constexpr int kAttemptsMax = 16;

Bytes Encode(const KeyspaceInfo& keyspace) {
  const KeyspaceOptions& options = keyspace.options;
  Bytes raw;
  AppendU8(raw, kFormat);
  AppendVarint(raw, keyspace.id.value());
  AppendU8(raw, static_cast<uint8_t>(options.mode));
  AppendU8(raw, static_cast<uint8_t>(options.replicas));
  AppendU8(raw, static_cast<uint8_t>(options.write_ack));
  AppendU8(raw, static_cast<uint8_t>(options.placement));
  AppendU8(raw, static_cast<uint8_t>(options.compression));
  AppendVarint(raw, options.compression_bytes_min);
  return raw;
}

Result<KeyspaceInfo> DecodeKeyspace(const std::string& name, ByteView raw) {
  Reader reader(raw);
  const uint8_t format = reader.U8();
  if (format != kFormat && format != kFormatOfCompressionOnly) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("keyspace \"{}\" has record format {}; this program knows {}",
                            Escaped(name), format, kFormat));
  }
  KeyspaceInfo keyspace;
  KeyspaceOptions& options = keyspace.options;
  keyspace.name = name;
  keyspace.id = KeyspaceId(static_cast<uint32_t>(reader.Varint()));
  if (format == kFormat) {
    options.mode = static_cast<Mode>(reader.U8());
    options.replicas = reader.U8();
    options.write_ack = static_cast<WriteAck>(reader.U8());
    options.placement = static_cast<Placement>(reader.U8());
  }
  options.compression = static_cast<Compression>(reader.U8());
  options.compression_bytes_min = static_cast<uint32_t>(reader.Varint());
  if (!reader.Done()) {
    return Fail(ErrorCode::kCorrupt, "the record of keyspace \"" + Escaped(name) + "\" is damaged");
  }
  if (const Status valid = ValidateKeyspaceOptions(options); !valid) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("keyspace \"{}\" is not for this program: {}", Escaped(name),
                            valid.error().message));
  }
  return keyspace;
}

}  // namespace

Result<KeyspaceInfo> CreateKeyspace(Kv& system, const std::string& name,
                                    const KeyspaceOptions& options) {
  RETURN_IF_ERROR(ValidateKeyspaceName(name));
  RETURN_IF_ERROR(ValidateKeyspaceOptions(options));
  const Bytes key = kPrefix + name;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    ASSIGN_OR_RETURN(const auto next, system.Get(kNextIdKey));
    const int64_t id = next ? state::DecodeI64(next->value).value_or(1) : 1;
    Compare id_compare{.kind = Compare::Kind::kAbsent, .key = kNextIdKey, .value = {}, .end = {}};
    if (next) {
      id_compare.kind = Compare::Kind::kVersion;
      id_compare.version = next->version;
    }
    const KeyspaceInfo keyspace{name, KeyspaceId(static_cast<uint32_t>(id)), options};
    Transaction transaction;
    transaction.compares = {{.kind = Compare::Kind::kAbsent, .key = key, .value = {}, .end = {}},
                            id_compare};
    transaction.then_ops = {
        {.kind = Op::Kind::kPut, .key = key, .value = Encode(keyspace)},
        {.kind = Op::Kind::kPut, .key = kNextIdKey, .value = state::EncodeI64(id + 1)}};
    ASSIGN_OR_RETURN(const TransactReply reply, system.Transact(transaction));
    if (reply.succeeded) return keyspace;
    if (reply.failed_compare == 0) {
      return Fail(ErrorCode::kExists, "keyspace \"" + name + "\" exists already");
    }
  }
  return Fail(ErrorCode::kConflict, "other keyspaces are being created; try again");
}

Result<KeyspaceInfo> FindKeyspace(Kv& system, const std::string& name) {
  RETURN_IF_ERROR(ValidateKeyspaceName(name));
  ASSIGN_OR_RETURN(const auto record, system.Get(kPrefix + name));
  if (!record) return Fail(ErrorCode::kNotFound, "there is no keyspace \"" + name + "\"");
  return DecodeKeyspace(name, record->value);
}

Result<std::vector<KeyspaceInfo>> ListKeyspaces(Kv& system) {
  std::vector<KeyspaceInfo> list;
  ScanRequest request;
  request.begin = kPrefix;
  do {
    ASSIGN_OR_RETURN(ScanPage page, system.Scan(request));
    for (const ScanItem& item : page.items) {
      ASSIGN_OR_RETURN(KeyspaceInfo keyspace,
                       DecodeKeyspace(item.key.substr(sizeof(kPrefix) - 1), item.record.value));
      list.push_back(std::move(keyspace));
    }
    request.cursor = page.cursor;
  } while (!request.cursor.empty());
  return list;
}

Status UnnameKeyspace(Kv& system, const std::string& name) {
  RETURN_IF_ERROR(ValidateKeyspaceName(name));
  const Bytes key = kPrefix + name;
  ASSIGN_OR_RETURN(const auto record, system.Get(key));
  if (!record) return Fail(ErrorCode::kNotFound, "there is no keyspace \"" + name + "\"");
  ASSIGN_OR_RETURN(const KeyspaceInfo keyspace, DecodeKeyspace(name, record->value));
  Transaction transaction;
  transaction.compares = {{.kind = Compare::Kind::kVersion,
                           .key = key,
                           .version = record->version,
                           .value = {},
                           .end = {}}};
  transaction.then_ops = {{.kind = Op::Kind::kDelete, .key = key, .value = {}},
                          {.kind = Op::Kind::kPut,
                           .key = kDroppedPrefix + std::to_string(keyspace.id.value()),
                           .value = {}}};
  transaction.frees_space = true;
  ASSIGN_OR_RETURN(const TransactReply reply, system.Transact(transaction));
  if (reply.succeeded) return {};
  return Fail(ErrorCode::kConflict, "keyspace \"" + name + "\" is being changed; try again");
}

Result<std::vector<KeyspaceId>> ListUnnamed(Kv& system) {
  std::vector<KeyspaceId> ids;
  ScanRequest request;
  request.begin = kDroppedPrefix;
  do {
    ASSIGN_OR_RETURN(ScanPage page, system.Scan(request));
    for (const ScanItem& item : page.items) {
      const ByteView digits = ByteView(item.key).substr(sizeof(kDroppedPrefix) - 1);
      uint32_t id = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
      if (error != std::errc{} || end != digits.data() + digits.size() || id == 0) {
        return Fail(ErrorCode::kCorrupt, "the catalog of keyspaces has a damaged key");
      }
      ids.emplace_back(id);
    }
    request.cursor = page.cursor;
  } while (!request.cursor.empty());
  return ids;
}

Status ForgetUnnamed(Kv& system, KeyspaceId id) {
  RETURN_IF_ERROR(system.Delete(kDroppedPrefix + std::to_string(id.value())));
  return {};
}

}  // namespace metaring::client
