// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/snapshot_format.h"

#include <utility>

#include "kvnode/strong/group_data.h"
#include "kvnode/strong/ids.h"

namespace metaring::strong {
namespace {

constexpr size_t kPairBytesMax = store::kKeyBytesMax + store::kValueBytesMax + 16;

}  // namespace

Result<std::unique_ptr<SnapshotSource>> SnapshotSource::Open(const store::Store& store,
                                                             GroupId group) {
  std::unique_ptr<SnapshotSource> source(new SnapshotSource());
  ASSIGN_OR_RETURN(source->view_, store.NewView());
  const store::View& view = *source->view_;
  ASSIGN_OR_RETURN(const auto record, ReadGroupRecord(view, group));
  if (!record || record->state != GroupState::kNormal) {
    return Fail(ErrorCode::kUnavailable, "the store has no state of the group");
  }
  ASSIGN_OR_RETURN(raft::ConfigurationEntry configuration, ReadAppliedConfiguration(view, group));
  source->head_ = {record->applied, record->applied_term, std::move(configuration.configuration)};
  source->prefixes_ = {ConfigurationKey(group), KeyspacePrefix(group)};
  ASSIGN_OR_RETURN(const std::vector<KeyspaceId> keyspaces, ReadKeyspaces(view, group));
  for (const KeyspaceId keyspace : keyspaces) {
    source->prefixes_.push_back(ScopePrefix(group, keyspace));
  }
  source->cursor_ = view.NewCursor();
  return source;
}

Result<Bytes> SnapshotSource::Next(uint64_t bytes_wanted) {
  Bytes out;
  while (at_ < prefixes_.size() && out.size() < bytes_wanted) {
    if (std::exchange(seek_, false)) cursor_->Seek(prefixes_[at_]);
    if (cursor_->Valid() && cursor_->key().starts_with(prefixes_[at_])) {
      AppendLengthPrefixed(out, cursor_->key());
      AppendLengthPrefixed(out, cursor_->value());
      cursor_->Next();
      continue;
    }
    RETURN_IF_ERROR(cursor_->status());
    ++at_;
    seek_ = true;
  }
  return out;
}

bool IsSnapshotKey(GroupId group, ByteView key) {
  if (key == ConfigurationKey(group) || key.starts_with(KeyspacePrefix(group))) return true;
  Reader reader(key);
  return reader.BigU16() == SlotOf(group).value() && reader.ok();
}

Status PairParser::Feed(ByteView bytes, const Sink& sink) {
  rest_.append(bytes);
  Reader reader(rest_);
  size_t used = 0;
  for (;;) {
    const ByteView key = reader.LengthPrefixed();
    const ByteView value = reader.LengthPrefixed();
    if (!reader.ok()) break;
    const bool sizes =
        !key.empty() && key.size() <= store::kKeyBytesMax && value.size() <= store::kValueBytesMax;
    if (!sizes || !IsSnapshotKey(group_, key)) {
      return Fail(ErrorCode::kCorrupt, "a snapshot has a key that is not of its group");
    }
    sink(key, value);
    used = rest_.size() - reader.rest().size();
  }
  rest_.erase(0, used);
  if (rest_.size() > kPairBytesMax) {
    return Fail(ErrorCode::kCorrupt, "a snapshot has a pair that never ends");
  }
  return {};
}

Status EmptySpool(Disk& spool) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, spool.List());
  for (const std::string& name : names) RETURN_IF_ERROR(spool.Remove(name));
  return {};
}

}  // namespace metaring::strong
