// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/keyspace_table.h"

#include <fmt/format.h>

namespace metaring::server {
namespace {

tl::unexpected<Error> Unknown(std::string_view name) {
  return Fail(ErrorCode::kNotFound, fmt::format("there is no keyspace \"{}\"", Escaped(name)));
}

}  // namespace

KeyspaceTable::Entry KeyspaceTable::NewEntry(client::OpenedKeyspace opened) {
  auto ending = std::make_shared<Ending>();
  const auto* made = new OpenKeyspace{std::move(opened.info), std::move(opened.kv)};
  std::shared_ptr<const OpenKeyspace> keyspace(made, [ending](const OpenKeyspace* last) {
    delete last;
    const MutexLock lock(ending->mutex);
    ending->ended = true;
    ending->changed.NotifyAll();
  });
  return {std::move(keyspace), std::move(ending)};
}

void KeyspaceTable::Insert(const std::string& name, Entry&& entry) {
  const WriterLock lock(mutex_);
  std::swap(by_name_[name], entry);
}

Status KeyspaceTable::Load() {
  ASSIGN_OR_RETURN(const auto all, store_.List());
  for (const client::KeyspaceInfo& info : all) {
    ASSIGN_OR_RETURN(client::OpenedKeyspace opened, store_.OpenEncoded(info.name));
    Insert(info.name, NewEntry(std::move(opened)));
  }
  return {};
}

Result<std::shared_ptr<const OpenKeyspace>> KeyspaceTable::Find(
    std::string_view name, std::optional<KeyspaceId> id) const {
  const ReaderLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return Unknown(name);
  const auto& keyspace = found->second.keyspace;
  if (id && *id != keyspace->info.id) {
    return Fail(ErrorCode::kStale, fmt::format("keyspace \"{}\" is another one by now: {}, not {}",
                                               name, keyspace->info.id.value(), id->value()));
  }
  return keyspace;
}

std::vector<client::KeyspaceInfo> KeyspaceTable::List() const {
  std::vector<client::KeyspaceInfo> list;
  const ReaderLock lock(mutex_);
  list.reserve(by_name_.size());
  for (const auto& [name, entry] : by_name_) list.push_back(entry.keyspace->info);
  return list;
}

Result<client::KeyspaceInfo> KeyspaceTable::Create(const std::string& name,
                                                   const client::KeyspaceOptions& options) {
  {
    const ReaderLock lock(mutex_);
    if (by_name_.size() >= placement::kKeyspacesMax) {
      return Fail(ErrorCode::kTooBig, fmt::format("there are {} keyspaces; that is the limit",
                                                  placement::kKeyspacesMax));
    }
  }
  ASSIGN_OR_RETURN(const client::KeyspaceInfo made, store_.Create(name, options));
  ASSIGN_OR_RETURN(client::OpenedKeyspace opened, store_.OpenEncoded(name));
  Insert(name, NewEntry(std::move(opened)));
  return made;
}

Status KeyspaceTable::Drop(const std::string& name) {
  {
    const MutexLock lock(drop_mutex_);
    while (dropping_) drop_ended_.Wait(drop_mutex_);
    dropping_ = true;
  }
  Status dropped = DropAlone(name);
  const MutexLock lock(drop_mutex_);
  dropping_ = false;
  drop_ended_.NotifyAll();
  return dropped;
}

Status KeyspaceTable::DropAlone(const std::string& name) {
  Entry entry;
  {
    const WriterLock lock(mutex_);
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return Unknown(name);
    entry = std::move(found->second);
    by_name_.erase(found);
  }
  entry.keyspace.reset();
  {
    const MutexLock lock(entry.ending->mutex);
    while (!entry.ending->ended) entry.ending->changed.Wait(entry.ending->mutex);
  }
  Status dropped = store_.Drop(name);
  if (dropped) return {};
  // It still has its name, unless only the erasing failed, which the next start goes on with.
  if (auto opened = store_.OpenEncoded(name)) Insert(name, NewEntry(std::move(*opened)));
  return dropped;
}

}  // namespace metaring::server
