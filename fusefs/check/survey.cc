// SPDX-License-Identifier: Apache-2.0
#include "fusefs/check/survey.h"

#include <fmt/format.h>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"

namespace metaring::fusefs {
namespace {

constexpr uint64_t kProgressEvery = 20'000;

client::Op DeleteOf(Bytes key) {
  client::Op op;
  op.kind = client::Op::Kind::kDelete;
  op.key = std::move(key);
  return op;
}

// Takes the records in key order. What lies beside records (small content, large xattrs) is matched
// within its group, the keys of one directory or place, which the key order keeps together.
class Surveyor {
 public:
  explicit Surveyor(const Context& ctx) : ctx_(ctx) {}

  void Take(const client::ScanItem& item) {
    ++survey_.records;
    if (item.damaged) {
      return Report({item.key}, "record {} cannot be read: its checksum is wrong",
                    Escaped(item.key));
    }
    if (keys::IsVolumeKey(item.key)) return TakeVolumeKey(item);
    const auto under = keys::ParseUnder(item.key);
    if (!under || under->rest.empty()) {
      return Report({item.key}, "record {} is not of a filesystem", Escaped(item.key));
    }
    if (under->ino != group_) EndGroup();
    group_ = under->ino;
    switch (under->rest[0]) {
      case 'b':
        return TakeBlock(item, *under);
      case 'd':
        return TakeSmallContent(item, *under);
      case 'e':
        return TakeEntry(item);
      case 'h':
        return TakeDirectory(item);
      case 'i':
        return TakeOwn(item);
      case 'x':
        return TakeXattr(item, *under);
      default:
        return Report({item.key}, "record {} is of no known kind", Escaped(item.key));
    }
  }

  Survey Finish() {
    EndGroup();
    return std::move(survey_);
  }

 private:
  struct Beside {
    uint64_t content_bytes = 0;
    Bytes content_key;
    std::vector<Bytes> xattr_keys;
    bool claimed_content = false;
    bool claimed_xattrs = false;
  };

  template <typename... Args>
  void Report(const std::vector<Bytes>& removed, fmt::format_string<Args...> format,
              Args&&... args) {
    Problem problem{fmt::format(format, std::forward<Args>(args)...), {}};
    for (const Bytes& key : removed) problem.mend.push_back(DeleteOf(key));
    survey_.problems.push_back(std::move(problem));
  }

  void TakeVolumeKey(const client::ScanItem& item) {
    const auto number = state::DecodeI64(item.record.value);
    if (item.key == keys::InodesUsed()) survey_.counted_inodes = number.value_or(0);
    if (item.key == keys::BytesUsed()) survey_.counted_bytes = number.value_or(0);
    if (const auto orphan = keys::ParseOrphan(item.key)) survey_.orphans.insert(*orphan);
    if (const auto content = keys::ParseReclaim(item.key)) {
      survey_.reclaims.insert({content->ino, content->generation});
    }
  }

  void TakeEntry(const client::ScanItem& item) {
    const auto name = keys::ParseEntry(group_, item.key);
    const auto entry = DecodeEntry(item.record.value);
    if (!name || !entry || name->hash != keys::EntryHash(ctx_.volume.hash_seed, name->name)) {
      return Report({item.key}, "directory {} has an entry that does not decode: {}",
                    group_.value(), Escaped(item.key));
    }
    DirectoryFacts& directory = survey_.directories[group_];
    ++directory.entries;
    if (entry->IsDirectory()) {
      ++directory.subdirectories;
      DirectoryFacts& child = survey_.directories[entry->ino];
      ++child.references;
      child.entry_name = NameHash(group_, name->name);
    } else if (entry->RefersToOwn()) {
      ++survey_.owns[entry->ino].references;
    } else {
      TakeInode(*entry->inode);
      if (entry->inode->nlink != 1) {
        Report({}, "inode {} has one name but says it has {} links", entry->ino.value(),
               entry->inode->nlink);
      }
    }
  }

  void TakeDirectory(const client::ScanItem& item) {
    DirectoryFacts& directory = survey_.directories[group_];
    if (item.key == keys::Header(group_)) {
      const auto header = DecodeDirectory(item.record.value);
      if (!header) {
        return Report({}, "directory {} has a header that does not decode", group_.value());
      }
      directory.has_header = true;
      directory.parent = header->parent;
      directory.header_name = NameHash(header->parent, header->name);
      if (header->has_large_xattrs) beside_[group_].claimed_xattrs = true;
      return;
    }
    const auto counter = keys::ParseDirectoryCounter(group_, item.key);
    const auto number = state::DecodeI64(item.record.value);
    if (!counter || !number) {
      return Report({item.key}, "directory {} has an unknown counter", group_.value());
    }
    if (*counter == keys::Counter::kEntries) directory.counted_entries = *number;
    if (*counter == keys::Counter::kSubdirectories) directory.counted_subdirectories = *number;
  }

  void TakeOwn(const client::ScanItem& item) {
    const auto inode = DecodeInode(item.record.value);
    if (!inode || inode->ino != group_) {
      return Report({}, "inode {} does not decode", group_.value());
    }
    OwnFacts& own = survey_.owns[group_];
    own.has_record = true;
    own.type = inode->mode & S_IFMT;
    own.nlink = inode->nlink;
    TakeInode(*inode);
  }

  void TakeInode(const Inode& inode) {
    ++survey_.files;
    survey_.bytes += static_cast<uint64_t>(inode.bytes_allocated);
    if (inode.small_content) {
      if (inode.bytes_allocated == 0 && !inode.has_large_xattrs) return;
      Beside& beside = beside_[inode.ino];
      beside.claimed_content = true;
      if (inode.has_large_xattrs) beside.claimed_xattrs = true;
      if (beside.content_bytes != static_cast<uint64_t>(inode.bytes_allocated)) {
        Report({}, "inode {} has {} bytes of small content but says it has {}", inode.ino.value(),
               beside.content_bytes, inode.bytes_allocated);
      }
      return;
    }
    if (inode.has_large_xattrs) beside_[inode.ino].claimed_xattrs = true;
    ContentFacts& content = survey_.contents[{inode.ino, inode.generation}];
    content.has_inode = true;
    content.size = inode.size;
    content.bytes_allocated = inode.bytes_allocated;
  }

  // 'd' comes before the records ('e', 'h', 'i') that claim it, 'x' after them.
  void TakeSmallContent(const client::ScanItem& item, const keys::Under& under) {
    const auto ino = keys::ParseBeside(under.rest);
    if (!ino) return Report({item.key}, "record {} names no inode", Escaped(item.key));
    Beside& beside = beside_[*ino];
    beside.content_bytes = item.record.value.size();
    beside.content_key = item.key;
  }

  void TakeXattr(const client::ScanItem& item, const keys::Under& under) {
    const auto ino = keys::ParseBeside(under.rest);
    if (!ino) return Report({item.key}, "record {} names no inode", Escaped(item.key));
    beside_[*ino].xattr_keys.push_back(item.key);
  }

  void TakeBlock(const client::ScanItem& item, const keys::Under& under) {
    const auto index = keys::ParseBlock(item.key);
    if (!index) return Report({item.key}, "record {} names no block", Escaped(item.key));
    ContentFacts& content = survey_.contents[{under.ino, under.generation}];
    ++content.blocks;
    content.blocks_end = std::max(content.blocks_end, *index + 1);
  }

  void EndGroup() {
    for (auto& [ino, beside] : beside_) {
      if (!beside.content_key.empty() && !beside.claimed_content) {
        Report({beside.content_key}, "small content belongs to no file: inode {} in place {}",
               ino.value(), group_.value());
      }
      if (!beside.xattr_keys.empty() && !beside.claimed_xattrs) {
        Report(beside.xattr_keys, "{} large xattrs belong to no file: inode {} in place {}",
               beside.xattr_keys.size(), ino.value(), group_.value());
      }
    }
    beside_.clear();
  }

  const Context& ctx_;
  Survey survey_;
  Ino group_;
  std::unordered_map<Ino, Beside> beside_;  // of the current group
};

}  // namespace

uint64_t NameHash(Ino parent, std::string_view name) {
  return Xxh3(name, parent.value());
}

Result<Survey> TakeSurvey(const Context& ctx, const std::function<void(uint64_t)>& progress) {
  Surveyor surveyor(ctx);
  client::ScanRequest scan;
  scan.keep_damaged = true;
  uint64_t records = 0;
  uint64_t told = 0;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (const client::ScanItem& item : page.items) surveyor.Take(item);
    records += page.items.size();
    if (progress && records - told >= kProgressEvery) {
      progress(records);
      told = records;
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return surveyor.Finish();
}

}  // namespace metaring::fusefs
