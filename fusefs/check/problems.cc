// SPDX-License-Identifier: Apache-2.0
//
// What the facts of a survey show when they are held against each other.
#include <fmt/format.h>

#include "fusefs/check/survey.h"
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/block_allocation.h"

namespace metaring::fusefs {
namespace {

client::Op PutOf(Bytes key, Bytes value) {
  client::Op op;
  op.key = std::move(key);
  op.value = std::move(value);
  return op;
}

client::Op DeleteOf(Bytes key) {
  client::Op op;
  op.kind = client::Op::Kind::kDelete;
  op.key = std::move(key);
  return op;
}

class Judge {
 public:
  Judge(const Context& ctx, Survey survey, bool with_mends)
      : ctx_(ctx), with_mends_(with_mends), survey_(std::move(survey)) {}

  std::vector<Problem> Run() {
    for (const auto& [ino, directory] : survey_.directories) JudgeDirectory(ino, directory);
    for (const auto& [ino, own] : survey_.owns) JudgeOwn(ino, own);
    for (const auto& [content, facts] : survey_.contents) JudgeContent(content, facts);
    for (const Ino ino : survey_.orphans) {
      if (survey_.owns.contains(ino) && survey_.owns[ino].has_record) continue;
      Add(
          "orphan {} has no record", [&] { return Ops{DeleteOf(keys::Orphan(ino))}; }, ino.value());
    }
    JudgeCounters();
    return std::move(survey_.problems);
  }

 private:
  using Ops = std::vector<client::Op>;

  // `mend` makes the operations that mend it.
  template <typename Mend, typename... Args>
  void Add(fmt::format_string<Args...> format, const Mend& mend, Args&&... args) {
    survey_.problems.push_back(
        {fmt::format(format, std::forward<Args>(args)...), with_mends_ ? mend() : Ops{}});
  }
  static Ops NoMend() { return {}; }

  // A new name in the root for what has lost its own.
  static std::string FoundName(Ino ino) { return fmt::format("lost+found.{}", ino.value()); }
  client::Op FoundEntry(Ino ino, uint32_t type) const {
    const std::string name = FoundName(ino);
    return PutOf(keys::Entry(kRootIno, keys::EntryHash(ctx_.volume.hash_seed, name), name),
                 EncodeReference(ino, type));
  }

  // Both give what has no name one in the root; nothing when its record cannot be read.
  Ops FoundDirectory(Ino ino) const {
    Ops mend = MovedHeader(ino, kRootIno, FoundName(ino));
    if (!mend.empty()) mend.push_back(FoundEntry(ino, S_IFDIR));
    return mend;
  }
  Ops FoundFile(Ino ino, uint32_t type) const {
    Ops mend = WithLinks(ino, 1);
    if (!mend.empty()) mend.push_back(FoundEntry(ino, type));
    return mend;
  }

  // The header under another parent and name; nothing when it cannot be read.
  Ops MovedHeader(Ino ino, Ino parent, const std::string& name) const {
    const auto record = ctx_.kv.Get(keys::Header(ino));
    if (!record || !*record) return {};
    auto header = DecodeDirectory((*record)->value);
    if (!header) return {};
    header->parent = parent;
    header->name = name;
    return {PutOf(keys::Header(ino), EncodeDirectory(*header))};
  }

  // Removes the entries that refer to `ino`, or makes its header say what the one entry says.
  Ops EntriesOf(Ino ino, bool remove) const {
    Ops mend;
    for (const auto& [parent, facts] : survey_.directories) {
      client::ScanRequest scan;
      scan.begin = keys::EntryPrefix(parent);
      scan.keep_damaged = true;
      do {
        auto page = ctx_.kv.Scan(scan);
        if (!page) return {};
        for (const client::ScanItem& item : page->items) {
          const auto entry = DecodeEntry(item.record.value);
          if (item.damaged || !entry || entry->ino != ino || entry->inode) continue;
          if (remove) {
            mend.push_back(DeleteOf(item.key));
          } else if (const auto name = keys::ParseEntry(parent, item.key)) {
            return MovedHeader(ino, parent, std::string(name->name));
          }
        }
        scan.cursor = std::move(page->cursor);
      } while (!scan.cursor.empty());
    }
    return mend;
  }

  void JudgeDirectory(Ino ino, const DirectoryFacts& directory) {
    if (!directory.has_header) {
      Add(
          "directory {} has {} names and {} entries, but no header",
          [&] { return EntriesOf(ino, true); }, ino.value(), directory.references,
          directory.entries);
      return;
    }
    JudgeName(ino, directory);
    if (directory.counted_entries != static_cast<int64_t>(directory.entries)) {
      Add(
          "directory {} has {} entries but counts {}",
          [&] {
            return Ops{PutOf(keys::DirectoryCounter(ino, keys::Counter::kEntries),
                             state::EncodeI64(static_cast<int64_t>(directory.entries)))};
          },
          ino.value(), directory.entries, directory.counted_entries);
    }
    if (directory.counted_subdirectories != static_cast<int64_t>(directory.subdirectories)) {
      Add(
          "directory {} has {} subdirectories but counts {}",
          [&] {
            return Ops{PutOf(keys::DirectoryCounter(ino, keys::Counter::kSubdirectories),
                             state::EncodeI64(static_cast<int64_t>(directory.subdirectories)))};
          },
          ino.value(), directory.subdirectories, directory.counted_subdirectories);
    }
  }

  void JudgeName(Ino ino, const DirectoryFacts& directory) {
    if (ino == kRootIno) {
      if (directory.references != 0) {
        Add("the root directory has a name", [&] { return EntriesOf(ino, true); });
      }
      return;
    }
    if (directory.references == 0) {
      Add(
          "directory {} has no name", [&] { return FoundDirectory(ino); }, ino.value());
    } else if (directory.references > 1) {
      Add("directory {} has {} names", NoMend, ino.value(), directory.references);
    } else if (directory.header_name != directory.entry_name) {
      Add(
          "directory {} is named otherwise than its header says",
          [&] { return EntriesOf(ino, false); }, ino.value());
    } else if (!ReachesRoot(ino)) {
      Add("directory {} does not lead to the root", NoMend, ino.value());
    }
  }

  bool ReachesRoot(Ino ino) {
    std::vector<Ino> path;
    while (ino != kRootIno && !reaching_.contains(ino)) {
      if (path.size() > survey_.directories.size()) return false;
      path.push_back(ino);
      const auto parent = survey_.directories.find(ino);
      if (parent == survey_.directories.end() || !parent->second.has_header) return false;
      ino = parent->second.parent;
    }
    reaching_.insert(path.begin(), path.end());
    return true;
  }

  void JudgeOwn(Ino ino, const OwnFacts& own) {
    if (!own.has_record) {
      Add(
          "inode {} has {} names but no record", [&] { return EntriesOf(ino, true); }, ino.value(),
          own.references);
      return;
    }
    if (own.references == 0) {
      if (survey_.orphans.contains(ino)) return;  // a mount has it open, or a crash left it
      Add(
          "inode {} has no name and is no orphan", [&] { return FoundFile(ino, own.type); },
          ino.value());
    } else if (own.references != own.nlink) {
      Add(
          "inode {} has {} names but says it has {} links",
          [&] { return WithLinks(ino, own.references); }, ino.value(), own.references, own.nlink);
    }
  }

  Ops WithLinks(Ino ino, uint32_t nlink) const {
    const auto record = ctx_.kv.Get(keys::OwnInode(ino));
    if (!record || !*record) return {};
    auto inode = DecodeInode((*record)->value);
    if (!inode) return {};
    inode->nlink = nlink;
    return {PutOf(keys::OwnInode(ino), EncodeInode(*inode))};
  }

  void JudgeContent(const std::pair<Ino, uint64_t>& content, const ContentFacts& facts) {
    const auto [ino, generation] = content;
    if (survey_.reclaims.contains(content)) return;  // waits to be erased
    if (!facts.has_inode) {
      Add(
          "{} blocks belong to no file: inode {}, generation {}",
          [&, ino = ino, generation = generation] {
            return Ops{PutOf(keys::Reclaim({ino, generation}), "")};
          },
          facts.blocks, ino.value(), generation);
      return;
    }
    const int64_t bytes = BytesOfBlocks(content, facts);
    if (bytes != facts.bytes_allocated) {
      Add("inode {} has {} bytes in blocks but says it has {}", NoMend, ino.value(), bytes,
          facts.bytes_allocated);
    }
  }

  // What the blocks count for (ops/block_allocation.h): all whole, however few bytes they hold, but
  // for the one in which the file ends.
  int64_t BytesOfBlocks(const std::pair<Ino, uint64_t>& content, const ContentFacts& facts) {
    const uint32_t block_bytes = ctx_.volume.options.block_bytes;
    const int64_t whole = static_cast<int64_t>(facts.blocks) * block_bytes;
    const uint64_t last = static_cast<uint64_t>(facts.size) / block_bytes;
    // Behind the file's end lie only preallocated blocks: then the last one must be looked for.
    const bool has_last = facts.blocks_end > last + 1
                              ? Exists(keys::Block(content.first, content.second, last))
                              : facts.blocks_end == last + 1;
    return has_last ? whole - block_bytes + BlockSpan(last, facts.size, block_bytes) : whole;
  }

  bool Exists(const Bytes& key) {
    const auto record = ctx_.kv.Get(key);
    return record && record->has_value();
  }

  void JudgeCounters() {
    const auto inodes = static_cast<int64_t>(survey_.files + Headers());
    if (survey_.counted_inodes != inodes) {
      Add(
          "the volume has {} inodes but counts {}",
          [&] { return Ops{PutOf(keys::InodesUsed(), state::EncodeI64(inodes))}; }, inodes,
          survey_.counted_inodes);
    }
    const auto bytes = static_cast<int64_t>(survey_.bytes);
    if (survey_.counted_bytes != bytes) {
      Add(
          "the volume has {} bytes of content but counts {}",
          [&] { return Ops{PutOf(keys::BytesUsed(), state::EncodeI64(bytes))}; }, bytes,
          survey_.counted_bytes);
    }
  }

  uint64_t Headers() const {
    uint64_t count = 0;
    for (const auto& [ino, directory] : survey_.directories) count += directory.has_header ? 1 : 0;
    return count;
  }

  const Context& ctx_;
  const bool with_mends_;
  Survey survey_;
  std::set<Ino> reaching_;  // directories that are known to lead to the root
};

}  // namespace

std::vector<Problem> FindProblems(const Context& ctx, Survey survey, bool with_mends) {
  return Judge(ctx, std::move(survey), with_mends).Run();
}

}  // namespace metaring::fusefs
