// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/grants.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/client/keyspace_info.h"

namespace metaring::server {
namespace {

constexpr std::string_view kPrefix = "grant/";
constexpr uint8_t kFormat = 1;

std::string KeyOf(const Grant& grant) {
  return fmt::format("{}{}/{}", kPrefix, grant.client, grant.keyspace);
}

Bytes Encode(Access access) {
  Bytes raw;
  AppendU8(raw, kFormat);
  AppendU8(raw, static_cast<uint8_t>(access));
  return raw;
}

Result<Grant> Decode(ByteView key, ByteView value) {
  Reader reader(value);
  const uint8_t format = reader.U8();
  const uint8_t access = reader.U8();
  const ByteView names = key.substr(kPrefix.size());
  const size_t slash = names.find('/');
  if (reader.ok() && format != kFormat) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("grant {} has record format {}; this program knows {}", Escaped(names),
                            format, kFormat));
  }
  const bool known = access >= 1 && access <= static_cast<uint8_t>(Access::kAdmin);
  if (!reader.Done() || !known || slash == ByteView::npos) {
    return Fail(ErrorCode::kCorrupt, fmt::format("grant {} is damaged", Escaped(names)));
  }
  return Grant{std::string(names.substr(0, slash)), std::string(names.substr(slash + 1)),
               static_cast<Access>(access)};
}

Status Validate(const Grant& grant) {
  if (!rpc::IsValidName(grant.client)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("grant.client \"{}\" must be 1 to 64 of A-Z a-z 0-9 . _ - and begin "
                            "with a letter or digit",
                            Escaped(grant.client)));
  }
  if (grant.keyspace == kEveryKeyspace) return {};
  return client::ValidateKeyspaceName(grant.keyspace);
}

}  // namespace

Status Grants::Load() {
  client::ScanRequest request;
  request.begin = kPrefix;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, system_.Scan(request));
    for (const client::ScanItem& item : page.items) {
      ASSIGN_OR_RETURN(const Grant grant, Decode(item.key, item.record.value));
      Remember(grant);
    }
    request.cursor = page.cursor;
  } while (!request.cursor.empty());
  return {};
}

std::optional<Access> Grants::Of(std::string_view client, std::string_view keyspace) const {
  const ReaderLock lock(mutex_);
  const auto granted = by_client_.find(client);
  if (granted == by_client_.end()) return std::nullopt;
  std::optional<Access> access;
  for (const std::string_view name : {keyspace, kEveryKeyspace}) {
    const auto found = granted->second.find(name);
    if (found != granted->second.end()) access = std::max(access, std::optional(found->second));
  }
  return access;
}

Status Grants::Set(const Grant& grant) {
  RETURN_IF_ERROR(Validate(grant));
  {
    const MutexLock lock(set_mutex_);
    while (setting_) set_ended_.Wait(set_mutex_);
    setting_ = true;
  }
  Status written = Write(grant);
  const MutexLock lock(set_mutex_);
  setting_ = false;
  set_ended_.NotifyAll();
  return written;
}

Status Grants::Write(const Grant& grant) {
  if (!grant.access) {
    RETURN_IF_ERROR(system_.Delete(KeyOf(grant)));
  } else {
    {
      const ReaderLock lock(mutex_);
      if (count_ >= kGrantsMax) {
        return Fail(ErrorCode::kTooBig,
                    fmt::format("there are {} grants; that is the limit", kGrantsMax));
      }
    }
    RETURN_IF_ERROR(system_.Put(KeyOf(grant), Encode(*grant.access)));
  }
  Remember(grant);
  return {};
}

void Grants::Remember(const Grant& grant) {
  const WriterLock lock(mutex_);
  OfClient& of_client = by_client_[grant.client];
  count_ -= of_client.size();
  if (!grant.access) {
    of_client.erase(grant.keyspace);
  } else {
    of_client[grant.keyspace] = *grant.access;
  }
  count_ += of_client.size();
  if (of_client.empty()) by_client_.erase(grant.client);
}

std::vector<Grant> Grants::List(const std::optional<std::string>& client) const {
  std::vector<Grant> list;
  const ReaderLock lock(mutex_);
  for (const auto& [name, of_client] : by_client_) {
    if (client && name != *client) continue;
    for (const auto& [keyspace, access] : of_client) list.push_back({name, keyspace, access});
  }
  return list;
}

}  // namespace metaring::server
