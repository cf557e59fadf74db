// SPDX-License-Identifier: Apache-2.0
//
// Threads race for the same names, directories and files: exactly one wins where one must, nothing
// is lost, and counts are right afterwards. What each thread does is random by its number; how they
// interleave is not, so the tests check what must hold for every interleaving.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "kvnode/base/random.h"
#include "tests/unit/fusefs/ops/expect.h"
#include "tests/unit/fusefs/ops/test_volume.h"

namespace metaring::fusefs {
namespace {

constexpr int kThreads = 8;

void InThreads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&body, t] { body(t); });
  for (auto& thread : threads) thread.join();
}

MakeRequest MakeOf(Ino parent, const std::string& name, uint32_t mode) {
  MakeRequest request;
  request.parent = parent;
  request.name = name;
  request.mode = mode;
  return request;
}

RenameRequest MoveOf(Ino old_parent, const std::string& old_name, Ino new_parent,
                     const std::string& new_name) {
  RenameRequest request;
  request.old_parent = old_parent;
  request.old_name = old_name;
  request.new_parent = new_parent;
  request.new_name = new_name;
  return request;
}

std::vector<DirectoryEntry> List(const Context& ctx, Ino directory) {
  std::vector<DirectoryEntry> all;
  ReadDirRequest request{directory, 0, 1000};
  for (;;) {
    auto page = ReadDir(ctx, request);
    EXPECT_OK(page);
    for (auto& entry : page->entries) all.push_back(std::move(entry));
    if (page->end) return all;
    request.after = all.back().cookie;
  }
}

// A directory's counts are those of its listing, and it is where its parent lists it. The number of
// names below it, with its own counted as one; names of each inode are counted.
size_t CheckBelow(const Context& ctx, Ino directory, std::map<Ino, uint32_t>& names) {
  const auto self = GetAttr(ctx, {directory, {}, true});
  EXPECT_OK(self);
  const auto entries = List(ctx, directory);
  uint32_t subdirectories = 0;
  size_t below = 1;
  for (const auto& entry : entries) {
    ++names[entry.ino];
    if (!S_ISDIR(entry.type)) {
      ++below;
      continue;
    }
    ++subdirectories;
    EXPECT_EQ(LookupParent(ctx, entry.ino)->inode.ino, directory);
    below += CheckBelow(ctx, entry.ino, names);
  }
  EXPECT_EQ(self->inode.size, static_cast<int64_t>(entries.size()));
  EXPECT_EQ(self->inode.nlink, 2 + subdirectories);
  return below;
}

// Names from the root down, and that each inode has as many links as names.
size_t CheckTree(const Context& ctx) {
  std::map<Ino, uint32_t> names;
  const size_t count = CheckBelow(ctx, kRootIno, names);
  for (const auto& [ino, links] : names) {
    const auto node = GetAttr(ctx, {ino, {}});
    if (node && !node->inode.IsDirectory()) {
      EXPECT_EQ(node->inode.nlink, links);
    } else {
      EXPECT_EQ(links, 1u);
    }
  }
  EXPECT_EQ(StatVolume(ctx)->inodes_used, names.size() + 1);
  return count;
}

// On LMDB each write waits for the disk, so that the others get far in between.
class OpsConcurrency : public testing::TestWithParam<TestStore> {};
INSTANTIATE_TEST_SUITE_P(Stores, OpsConcurrency,
                         testing::Values(TestStore::kMemory, TestStore::kLmdb),
                         [](const auto& test) {
                           return test.param == TestStore::kMemory ? "Memory" : "Lmdb";
                         });

TEST_P(OpsConcurrency, OneOfManyExclusiveCreatesWins) {
  TestVolume fs({}, GetParam());
  constexpr int kNames = 200;
  std::atomic<int> won{0};
  InThreads([&](int) {
    for (int i = 0; i < kNames; ++i) {
      const auto made = Make(fs.ctx(), MakeOf(kRootIno, std::to_string(i), S_IFREG | 0644));
      if (made) {
        ++won;
      } else {
        EXPECT_CODE(made, ErrorCode::kExists);
      }
    }
  });
  EXPECT_EQ(won, kNames);
  EXPECT_EQ(CheckTree(fs.ctx()), kNames + 1u);
}

TEST_P(OpsConcurrency, CreatesInOneDirectoryNeverConflict) {
  TestVolume fs({}, GetParam());
  InThreads([&](int t) {
    for (int i = 0; i < 200; ++i) {
      const std::string name = std::to_string(t) + "-" + std::to_string(i);
      ASSERT_OK(Make(fs.ctx(), MakeOf(kRootIno, name, i % 4 == 0 ? S_IFDIR | 0755 : S_IFREG)));
      if (i % 2 == 1) {
        ASSERT_OK(Unlink(fs.ctx(), {kRootIno, name, IfLast::kErase, {}}));
      }
    }
  });
  EXPECT_EQ(CheckTree(fs.ctx()), 1u + kThreads * 100);
}

TEST_P(OpsConcurrency, OneOfManyUnlinksWins) {
  TestVolume fs({}, GetParam());
  constexpr int kNames = 100;
  for (int i = 0; i < kNames; ++i) fs.Write(fs.MakeFile(std::to_string(i)), 0, "content");
  std::atomic<int> won{0};
  InThreads([&](int) {
    for (int i = 0; i < kNames; ++i) {
      const auto removed = Unlink(fs.ctx(), {kRootIno, std::to_string(i), IfLast::kErase, {}});
      if (removed) {
        ++won;
      } else {
        EXPECT_CODE(removed, ErrorCode::kNotFound);
      }
    }
  });
  EXPECT_EQ(won, kNames);
  EXPECT_EQ(CheckTree(fs.ctx()), 1u);
  EXPECT_EQ(StatVolume(fs.ctx())->bytes_used, 0u);
}

TEST_P(OpsConcurrency, RenamesNeitherLoseNorCopy) {
  TestVolume fs({}, GetParam());
  std::vector<Ino> directories{kRootIno};
  for (int i = 0; i < 3; ++i) {
    directories.push_back(fs.MakeDirectory("d" + std::to_string(i)).inode.ino);
  }
  std::set<Ino> tokens;
  for (int i = 0; i < 8; ++i) {
    tokens.insert(fs.Write(fs.MakeFile("t" + std::to_string(i)), 0, "content").inode.ino);
  }
  InThreads([&](int t) {
    Random random(static_cast<uint64_t>(t));
    for (int i = 0; i < 400; ++i) {
      RenameRequest request =
          MoveOf(directories[random.Below(4)], "t" + std::to_string(random.Below(8)),
                 directories[random.Below(4)], "t" + std::to_string(random.Below(8)));
      request.exchange = random.OneIn(3);
      request.no_replace = !request.exchange;
      const std::string code = CodeOf(Rename(fs.ctx(), request));
      EXPECT_TRUE(code == "ok" || code == "not_found" || code == "exists") << code;
    }
  });
  std::set<Ino> found;
  for (const Ino directory : directories) {
    for (const auto& entry : List(fs.ctx(), directory)) {
      if (S_ISDIR(entry.type)) continue;
      EXPECT_TRUE(found.insert(entry.ino).second);
      EXPECT_EQ(fs.Read(*Lookup(fs.ctx(), directory, entry.name)), "content");
    }
  }
  EXPECT_EQ(found, tokens);
  EXPECT_EQ(CheckTree(fs.ctx()), 4u + 8u);
}

TEST_P(OpsConcurrency, LinksAreCounted) {
  TestVolume fs({}, GetParam());
  const Node file = fs.Write(fs.MakeFile("first"), 0, "content");
  InThreads([&](int t) {
    for (int i = 0; i < 50; ++i) {
      const std::string name = std::to_string(t) + "-" + std::to_string(i);
      ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, name}));
      if (i % 2 == 0) {
        ASSERT_OK(Unlink(fs.ctx(), {kRootIno, name, IfLast::kErase, {}}));
      }
    }
  });
  const auto node = Lookup(fs.ctx(), kRootIno, "first");
  ASSERT_OK(node);
  EXPECT_EQ(node->inode.nlink, 1u + kThreads * 25);
  EXPECT_EQ(fs.Read(*node), "content");
  CheckTree(fs.ctx());
}

TEST_P(OpsConcurrency, TheLastOfManyUnlinksErases) {
  TestVolume fs({}, GetParam());
  for (int round = 0; round < 20; ++round) {
    const Node file = fs.Write(fs.MakeFile("0"), 0, "content");
    for (int t = 1; t < kThreads; ++t) {
      ASSERT_OK(Link(fs.ctx(), {file.ref(), kRootIno, std::to_string(t)}));
    }
    std::atomic<int> erased{0};
    InThreads([&](int t) {
      const auto removed = Unlink(fs.ctx(), {kRootIno, std::to_string(t), IfLast::kErase, {}});
      ASSERT_OK(removed);
      erased += removed->erased ? 1 : 0;
    });
    EXPECT_EQ(erased, 1);
    EXPECT_CODE(GetAttr(fs.ctx(), file.ref()), ErrorCode::kStale);
  }
  EXPECT_EQ(CheckTree(fs.ctx()), 1u);
}

TEST_P(OpsConcurrency, RmdirNeverTakesAFileAlong) {
  TestVolume fs({}, GetParam());
  InThreads([&](int t) {
    const std::string mine = "file" + std::to_string(t);
    for (int i = 0; i < 200; ++i) {
      (void)Make(fs.ctx(), MakeOf(kRootIno, "d", S_IFDIR | 0755));
      const auto directory = Lookup(fs.ctx(), kRootIno, "d");
      if (directory && Make(fs.ctx(), MakeOf(directory->inode.ino, mine, S_IFREG | 0644))) {
        // Nobody else unlinks it, so its directory cannot go.
        EXPECT_OK(Lookup(fs.ctx(), directory->inode.ino, mine));
        EXPECT_OK(GetAttr(fs.ctx(), directory->ref()));
        EXPECT_OK(Unlink(fs.ctx(), {directory->inode.ino, mine, IfLast::kErase, {}}));
      }
      const std::string code = CodeOf(Rmdir(fs.ctx(), kRootIno, "d"));
      EXPECT_TRUE(code == "ok" || code == "not_found" || code == "not_empty") << code;
    }
  });
  (void)Rmdir(fs.ctx(), kRootIno, "d");
  EXPECT_EQ(CheckTree(fs.ctx()), 1u);
}

TEST_P(OpsConcurrency, DirectoriesNeverBecomeTheirOwnAncestors) {
  TestVolume fs({}, GetParam());
  std::vector<Ino> directories{kRootIno};
  for (int i = 0; i < 6; ++i) {
    directories.push_back(fs.MakeDirectory("d" + std::to_string(i)).inode.ino);
  }
  InThreads([&](int t) {
    Random random(static_cast<uint64_t>(t) + 100);
    for (int i = 0; i < 150; ++i) {
      RenameRequest request =
          MoveOf(directories[random.Below(7)], "d" + std::to_string(random.Below(6)),
                 directories[random.Below(7)], "d" + std::to_string(random.Below(6)));
      request.exchange = random.OneIn(2);
      request.no_replace = !request.exchange;
      const std::string code = CodeOf(Rename(fs.ctx(), request));
      EXPECT_TRUE(code == "ok" || code == "not_found" || code == "exists" ||
                  code == "invalid_argument")
          << code;
    }
  });
  EXPECT_EQ(CheckTree(fs.ctx()), 7u);  // all are still below the root
}

TEST_P(OpsConcurrency, XattrsOfOneFileAreAllKept) {
  TestVolume fs({}, GetParam());
  const Node file = fs.MakeFile("f");
  InThreads([&](int t) {
    for (int i = 0; i < 40; ++i) {
      const std::string name = "user." + std::to_string(t) + "-" + std::to_string(i % 4);
      ASSERT_OK(SetXattr(fs.ctx(), {file.ref(), name, Bytes(i % 2 == 0 ? 10 : 500, 'v')}));
    }
  });
  EXPECT_EQ(ListXattr(fs.ctx(), file.ref())->size(), kThreads * 4u);
}

TEST_P(OpsConcurrency, WritersOfDifferentBlocksKeepEachOthers) {
  VolumeOptions options;
  options.block_bytes = 4096;
  TestVolume fs(options, GetParam());
  const Node file = fs.MakeFile("f");
  InThreads([&](int t) {
    for (uint64_t i = 0; i < 20; ++i) {
      WriteBackRequest request;
      request.ref = file.ref();
      const uint64_t index = i * kThreads + static_cast<uint64_t>(t);
      request.blocks.push_back({index, Bytes(4096, static_cast<char>('a' + t))});
      request.size = static_cast<int64_t>(index + 1) * 4096;
      ASSERT_OK(WriteBack(fs.ctx(), request));
    }
  });
  const Node written = *GetAttr(fs.ctx(), file.ref());
  EXPECT_EQ(written.inode.size, 20 * kThreads * 4096);
  EXPECT_EQ(written.inode.bytes_allocated, written.inode.size);
  EXPECT_EQ(StatVolume(fs.ctx())->bytes_used, static_cast<uint64_t>(written.inode.size));
  const Bytes content = fs.Read(written);
  for (size_t i = 0; i < content.size(); ++i) {
    ASSERT_EQ(content[i], static_cast<char>('a' + i / 4096 % kThreads));
  }
}

}  // namespace
}  // namespace metaring::fusefs
