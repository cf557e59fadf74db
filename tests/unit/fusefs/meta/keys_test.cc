// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace metaring::fusefs::keys {
namespace {

TEST(Keys, AreSpelledAsTheTableSays) {
  EXPECT_EQ(Entry(kRootIno, 6, "a"), "/1/0/e0000000000006a");
  EXPECT_EQ(Header(Ino{32}), "/10/0/h");
  EXPECT_EQ(DirectoryCounter(Ino{32}, Counter::kAccessed), "/10/0/ha");
  EXPECT_EQ(DirectoryCounter(Ino{32}, Counter::kChanged), "/10/0/hm");
  EXPECT_EQ(DirectoryCounter(Ino{32}, Counter::kEntries), "/10/0/hn");
  EXPECT_EQ(DirectoryCounter(Ino{32}, Counter::kSubdirectories), "/10/0/hs");
  EXPECT_EQ(OwnInode(Ino{31}), "/v/0/i");
  EXPECT_EQ(SmallContent(Ino{2}, Ino{3}), "/2/0/d0000000000003");
  EXPECT_EQ(LargeXattr(Ino{2}, Ino{3}, "user.a/b%c"), "/2/0/x0000000000003user.a%2fb%25c");
  EXPECT_EQ(Block(Ino{2}, 33, 1), "/2/11/b0000000000001");
  EXPECT_EQ(Volume(), "/~/0/v");
  EXPECT_EQ(NextIno(), "/~/0/i");
  EXPECT_EQ(InodesUsed(), "/~/0/n");
  EXPECT_EQ(BytesUsed(), "/~/0/s");
  EXPECT_EQ(MoveEpoch(), "/~/0/t");
  EXPECT_EQ(Orphan(Ino{5}), "/~/0/o0000000000005");
  EXPECT_EQ(Reclaim({Ino{5}, 2}), "/~/0/r00000000000050000000000002");
}

TEST(Keys, EntriesAreTakenApartAgain) {
  const std::string name("\xff\x01 name", 7);
  const uint64_t hash = EntryHash(7, name);
  const Bytes key = Entry(Ino{77}, hash, name);
  const auto parsed = ParseEntry(Ino{77}, key);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->hash, hash);
  EXPECT_EQ(parsed->name, name);
  EXPECT_FALSE(ParseEntry(Ino{78}, key));
  EXPECT_FALSE(ParseEntry(Ino{77}, Header(Ino{77})));
  EXPECT_FALSE(ParseEntry(Ino{77}, "/2d/0/e12"));
  // Hashes that would be the cookies of "." and "..", and one that is none.
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{2}, uint64_t{4}, hash | 1}) {
    EXPECT_FALSE(ParseEntry(Ino{77}, Entry(Ino{77}, wrong, name)));
  }
}

TEST(Keys, HashesAreEvenAndLeaveRoomForDotCookies) {
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t hash = EntryHash(1, std::to_string(i));
    ASSERT_EQ(hash & 1, 0u);
    ASSERT_GE(hash >> 1, 3u);
  }
}

TEST(Keys, HashesDependOnTheSeed) {
  EXPECT_NE(EntryHash(1, "name"), EntryHash(2, "name"));
}

TEST(Keys, EntriesSortByTheirHash) {
  EXPECT_LT(Entry(kRootIno, 8, "z"), Entry(kRootIno, 10, "a"));
  EXPECT_LT(Entry(kRootIno, 8, "z"), Entry(kRootIno, uint64_t{1} << 63, ""));
  EXPECT_LE(EntriesFrom(kRootIno, 8), Entry(kRootIno, 8, ""));
}

TEST(Keys, CountersAreKnownFromTheHeadersPrefix) {
  EXPECT_TRUE(Entry(Ino{9}, 6, "h").find(Header(Ino{9})) == Bytes::npos);
  EXPECT_EQ(ParseDirectoryCounter(Ino{9}, "/9/0/hn"), Counter::kEntries);
  EXPECT_FALSE(ParseDirectoryCounter(Ino{9}, "/9/0/h"));
  EXPECT_FALSE(ParseDirectoryCounter(Ino{9}, "/9/0/hz"));
}

TEST(Keys, LargeXattrNamesSurviveEscaping) {
  const Bytes prefix = LargeXattrPrefix(Ino{2}, Ino{3});
  for (const std::string name : {"user.plain", "user./", "user.%", "user.%2f/%25"}) {
    const Bytes key = LargeXattr(Ino{2}, Ino{3}, name);
    EXPECT_EQ(key.find('/', prefix.size() - 1), Bytes::npos) << name;
    EXPECT_EQ(ParseLargeXattr(prefix, key), name);
  }
  EXPECT_FALSE(ParseLargeXattr(prefix, prefix));
  EXPECT_FALSE(ParseLargeXattr(prefix, prefix + "user.%zz"));
}

TEST(Keys, BlocksOrphansAndReclaimsAreTakenApartAgain) {
  EXPECT_EQ(ParseBlock(Block(Ino{1}, 0, 123456789)), 123456789u);
  EXPECT_FALSE(ParseBlock("b12"));
  EXPECT_EQ(ParseOrphan(Orphan(Ino{99})), Ino{99});
  EXPECT_FALSE(ParseOrphan("/~/0/o99"));
  const auto content = ParseReclaim(Reclaim({Ino{99}, 7}));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->ino, Ino{99});
  EXPECT_EQ(content->generation, 7u);
  EXPECT_FALSE(ParseReclaim(Orphan(Ino{99})));
}

TEST(Keys, NoInoIsTheVolumesPlace) {
  for (const uint64_t ino : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
    EXPECT_FALSE(Header(Ino{ino}).starts_with("/~/"));
  }
}

}  // namespace
}  // namespace metaring::fusefs::keys
