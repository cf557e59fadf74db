// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fusefs/ops/model_compare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fusefs/meta/keys.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

// What the stored blocks, or the small content, count for.
int64_t StoredBytes(const Context& ctx, const Node& node) {
  const Inode& inode = node.inode;
  const Ino home = node.place.own() ? inode.ino : node.place.parent;
  if (inode.small_content) {
    const auto record = ctx.kv.Get(keys::SmallContent(home, inode.ino));
    EXPECT_OK(record);
    return *record ? static_cast<int64_t>((*record)->value.size()) : 0;
  }
  const int64_t block_bytes = ctx.volume.options.block_bytes;
  int64_t stored = 0;
  client::ScanRequest scan;
  scan.begin = keys::BlockPrefix(inode.ino, inode.generation);
  do {
    const auto page = ctx.kv.Scan(scan);
    EXPECT_OK(page);
    for (const auto& item : page->items) {
      const auto start = static_cast<int64_t>(*keys::ParseBlock(item.key)) * block_bytes;
      const bool behind = start >= inode.size;
      stored += behind ? block_bytes : std::min(block_bytes, inode.size - start);
      EXPECT_LE(static_cast<int64_t>(item.record.value.size()),
                behind ? 0 : std::min(block_bytes, inode.size - start));
    }
    scan.cursor = page->cursor;
  } while (!scan.cursor.empty());
  return stored;
}

void CompareXattrs(const Context& ctx, const Node& node, const ModelObject& expected) {
  const auto names = ListXattr(ctx, node.ref());
  ASSERT_OK(names);
  std::map<std::string, Bytes> found;
  for (const std::string& name : *names) {
    const auto value = GetXattr(ctx, node.ref(), name);
    ASSERT_OK(value);
    EXPECT_TRUE(found.emplace(name, *value).second) << name;
  }
  EXPECT_TRUE(found == expected.xattrs);
}

std::map<std::string, Ino> ListNames(const Context& ctx, Ino directory, size_t page,
                                     std::vector<Node>& nodes) {
  std::map<std::string, Ino> names;
  ReadDirRequest request{directory, 0, page, true};
  for (;;) {
    auto reply = ReadDir(ctx, request);
    EXPECT_OK(reply);
    for (auto& entry : reply->entries) {
      EXPECT_TRUE(names.emplace(entry.name, entry.ino).second) << entry.name;
      EXPECT_TRUE(entry.node.has_value()) << entry.name;
      if (entry.node) nodes.push_back(std::move(*entry.node));
    }
    if (reply->end) return names;
    request.after = reply->entries.back().cookie;
  }
}

class Comparison {
 public:
  Comparison(const Context& ctx, const ModelTree& model, size_t page)
      : ctx_(ctx), model_(model), page_(page) {}

  void Run() {
    const auto root = GetAttr(ctx_, {kRootIno, {}, true});
    ASSERT_OK(root);
    Compare(*root);
    for (const auto& [ino, object] : model_.objects()) {
      if (object.nlink != 0) continue;
      const auto orphan = GetAttr(ctx_, {ino, {}});
      ASSERT_OK(orphan);
      Count(*orphan);
      CompareObject(ctx_, *orphan, object);
    }
    EXPECT_EQ(inos_.size(), model_.objects().size());
    const auto usage = StatVolume(ctx_);
    ASSERT_OK(usage);
    EXPECT_EQ(usage->inodes_used, inos_.size());
    EXPECT_EQ(static_cast<int64_t>(usage->bytes_used), bytes_);
  }

 private:
  void Count(const Node& node) {
    if (inos_.insert(node.inode.ino).second) bytes_ += node.inode.bytes_allocated;
  }

  void Compare(const Node& node) {
    const auto object = model_.Get(node.inode.ino);
    ASSERT_OK(object);
    Count(node);
    CompareObject(ctx_, node, **object);
    if (!node.inode.IsDirectory()) return;
    const auto parent = LookupParent(ctx_, node.inode.ino);
    ASSERT_OK(parent);
    EXPECT_EQ(parent->inode.ino, (*object)->parent);
    std::vector<Node> nodes;
    EXPECT_TRUE(ListNames(ctx_, node.inode.ino, page_, nodes) == (*object)->entries);
    for (const Node& below : nodes) Compare(below);
  }

  const Context& ctx_;
  const ModelTree& model_;
  const size_t page_;
  std::set<Ino> inos_;
  int64_t bytes_ = 0;
};

}  // namespace

void CompareAttributes(const Inode& inode, const ModelObject& expected) {
  EXPECT_EQ(inode.mode, expected.mode);
  EXPECT_EQ(inode.uid, expected.uid);
  EXPECT_EQ(inode.gid, expected.gid);
  EXPECT_EQ(inode.nlink, expected.nlink);
  EXPECT_EQ(inode.rdev, expected.rdev);
  EXPECT_EQ(inode.size, expected.size());
  EXPECT_EQ(inode.symlink_target, expected.symlink_target);
  EXPECT_EQ(inode.atime, expected.atime);
  EXPECT_EQ(inode.mtime, expected.mtime);
  EXPECT_EQ(inode.ctime, expected.ctime);
}

void CompareObject(const Context& ctx, const Node& node, const ModelObject& expected) {
  SCOPED_TRACE(node.inode.ino.value());
  CompareAttributes(node.inode, expected);
  CompareXattrs(ctx, node, expected);
  if (!node.inode.IsRegular()) return;
  const auto content = ReadAll(ctx, node);
  ASSERT_OK(content);
  EXPECT_TRUE(*content == expected.content);
  EXPECT_EQ(node.inode.bytes_allocated, StoredBytes(ctx, node));
}

void CompareTree(const Context& ctx, const ModelTree& model, size_t page) {
  Comparison(ctx, model, page).Run();
}

}  // namespace metaring::fusefs
