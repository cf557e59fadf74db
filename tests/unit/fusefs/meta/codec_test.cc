// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/codec.h"

#include <gtest/gtest.h>

#include "kvnode/base/random.h"

namespace metaring::fusefs {
namespace {

std::string Hex(ByteView raw) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : raw) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

Bytes FromHex(std::string_view hex) {
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

Inode EmptyFile() {
  Inode inode;
  inode.ino = Ino{70'000};
  inode.mode = S_IFREG | 0644;
  inode.uid = 1000;
  inode.gid = 1000;
  inode.ctime = inode.mtime = inode.atime = {1'700'000'000, 123'456'789};
  return inode;
}

Inode FullInode() {
  Inode inode;
  inode.ino = Ino{0x123456789};
  inode.mode = S_IFREG | 06755;
  inode.uid = 0xfffffffe;
  inode.gid = 5;
  inode.nlink = 3;
  inode.rdev = 0x801;
  inode.size = 100'000;
  inode.bytes_allocated = 65'536;
  inode.ctime = {1, 2};
  inode.mtime = {-3, 4};
  inode.atime = {5, 0};
  inode.generation = 6;
  inode.small_content = false;
  inode.preallocated_blocks_end = 9;
  inode.symlink_target = "target";
  inode.xattrs = {{"user.a", "1"}, {"user.b", Bytes("\0\xff", 2)}};
  inode.has_large_xattrs = true;
  return inode;
}

void ExpectEqual(const Inode& a, const Inode& b) {
  EXPECT_EQ(a.ino, b.ino);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.gid, b.gid);
  EXPECT_EQ(a.nlink, b.nlink);
  EXPECT_EQ(a.rdev, b.rdev);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.bytes_allocated, b.bytes_allocated);
  EXPECT_EQ(a.ctime, b.ctime);
  EXPECT_EQ(a.mtime, b.mtime);
  EXPECT_EQ(a.atime, b.atime);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.small_content, b.small_content);
  EXPECT_EQ(a.preallocated_blocks_end, b.preallocated_blocks_end);
  EXPECT_EQ(a.symlink_target, b.symlink_target);
  EXPECT_EQ(a.xattrs, b.xattrs);
  EXPECT_EQ(a.has_large_xattrs, b.has_large_xattrs);
}

DirectoryHeader FullHeader() {
  DirectoryHeader header;
  header.parent = Ino{7};
  header.name = "name";
  header.mode = S_IFDIR | 02775;
  header.uid = 1;
  header.gid = 2;
  header.ctime = {10, 1};
  header.mtime = {11, 0};
  header.atime = {-12, 3};
  header.mtime_set_at = 14;
  header.atime_set_at = 15;
  header.xattrs = {{"user.a", "1"}};
  header.has_large_xattrs = true;
  return header;
}

Volume FullVolume() {
  Volume volume;
  volume.id = "00112233445566778899aabbccddeeff";
  volume.hash_seed = 0xfedcba9876543210;
  volume.options.bytes_max = 1 << 30;
  volume.options.inodes_max = 1000;
  volume.created = {1'700'000'000, 5};
  return volume;
}

// The formats. A difference here is a change of what is on users' disks: see thrift/README.md.
TEST(CodecGolden, EntryOfAnEmptyFile) {
  EXPECT_EQ(Hex(EncodeEntry(EmptyFile())),
            "1c16e0c50815c8860415d00f15d00f5680c49fd50c15aab4de750000");
}
TEST(CodecGolden, InodeWithEveryField) {
  EXPECT_EQ(Hex(EncodeInode(FullInode())),
            "16929eabb42415dab7041503150a150616822016c09a0c168080081602150416051508160a26"
            "0c11161218067461726765741b028806757365722e61013106757365722e620200ff1100");
}
TEST(CodecGolden, Reference) {
  EXPECT_EQ(Hex(EncodeReference(Ino{70'000}, S_IFDIR)), "26e0c508150800");
}
TEST(CodecGolden, DirectoryWithEveryField) {
  EXPECT_EQ(Hex(EncodeDirectory(FullHeader())),
            "160e18046e616d6515fa970215021504161415021616261c16171506161e1b01880675736572"
            "2e6101311100");
}
TEST(CodecGolden, Volume) {
  EXPECT_EQ(Hex(EncodeVolume(FullVolume())),
            "1820303031313232333334343535363637373838393961616262636364646565666616dfb7de"
            "9af1d9a2a3021580800815804016808080800816d00f1680c49fd50c150a00");
}

TEST(Codec, AnEmptyFilesEntryIsSmall) {
  EXPECT_LE(EncodeEntry(EmptyFile()).size(), 50u);
}

TEST(Codec, InodesComeBack) {
  for (const Inode& inode : {EmptyFile(), FullInode()}) {
    const auto decoded = DecodeInode(EncodeInode(inode));
    ASSERT_TRUE(decoded) << decoded.error().message;
    ExpectEqual(*decoded, inode);
    const auto entry = DecodeEntry(EncodeEntry(inode));
    ASSERT_TRUE(entry) << entry.error().message;
    ASSERT_TRUE(entry->inode);
    EXPECT_EQ(entry->ino, inode.ino);
    EXPECT_EQ(entry->type, inode.mode & S_IFMT);
    ExpectEqual(*entry->inode, inode);
  }
}

TEST(Codec, OrphansHaveNoLinks) {
  Inode inode = EmptyFile();
  inode.nlink = 0;
  EXPECT_EQ(DecodeInode(EncodeInode(inode))->nlink, 0u);
}

TEST(Codec, TimesOfTheEpochComeBack) {
  Inode inode = EmptyFile();
  inode.ctime = {1, 0};
  inode.mtime = {0, 0};
  inode.atime = {0, 7};
  const auto decoded = DecodeInode(EncodeInode(inode));
  EXPECT_EQ(decoded->mtime, inode.mtime);
  EXPECT_EQ(decoded->atime, inode.atime);
}

TEST(Codec, ReferencesComeBack) {
  const auto entry = DecodeEntry(EncodeReference(Ino{9}, S_IFIFO));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->ino, Ino{9});
  EXPECT_EQ(entry->type, uint32_t{S_IFIFO});
  EXPECT_TRUE(entry->RefersToOwn());
  EXPECT_FALSE(DecodeEntry(EncodeReference(Ino{9}, S_IFDIR))->RefersToOwn());
}

TEST(Codec, DirectoriesComeBack) {
  const DirectoryHeader header = FullHeader();
  const auto decoded = DecodeDirectory(EncodeDirectory(header));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->parent, header.parent);
  EXPECT_EQ(decoded->name, header.name);
  EXPECT_EQ(decoded->mode, header.mode);
  EXPECT_EQ(decoded->ctime, header.ctime);
  EXPECT_EQ(decoded->mtime, header.mtime);
  EXPECT_EQ(decoded->atime, header.atime);
  EXPECT_EQ(decoded->mtime_set_at, header.mtime_set_at);
  EXPECT_EQ(decoded->atime_set_at, header.atime_set_at);
  EXPECT_EQ(decoded->xattrs, header.xattrs);
  EXPECT_EQ(decoded->has_large_xattrs, header.has_large_xattrs);
}

TEST(Codec, TimesThatWereNeverSetExplicitlyComeBack) {
  DirectoryHeader header = FullHeader();
  header.mtime_set_at = header.atime_set_at = kNever;
  const auto decoded = DecodeDirectory(EncodeDirectory(header));
  EXPECT_EQ(decoded->mtime_set_at, kNever);
  EXPECT_EQ(decoded->atime_set_at, kNever);
}

TEST(Codec, VolumesComeBack) {
  const Volume volume = FullVolume();
  const auto decoded = DecodeVolume(EncodeVolume(volume));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->id, volume.id);
  EXPECT_EQ(decoded->hash_seed, volume.hash_seed);
  EXPECT_EQ(decoded->options.block_bytes, volume.options.block_bytes);
  EXPECT_EQ(decoded->options.small_bytes_max, volume.options.small_bytes_max);
  EXPECT_EQ(decoded->options.bytes_max, volume.options.bytes_max);
  EXPECT_EQ(decoded->options.inodes_max, volume.options.inodes_max);
  EXPECT_EQ(decoded->created, volume.created);
  EXPECT_FALSE(decoded->read_only);
}

// A struct of the compact protocol ends with 0x00; a field header is delta << 4 | type, or, for a
// jump of more than 15 ids, type and the zigzag id. These append fields with ids of the future.
Bytes WithFutureFields(Bytes record) {
  record.pop_back();
  record += FromHex("0590034e");      // id 200, i32: 39
  record += FromHex("1803616263");    // id 201, binary "abc"
  record += FromHex("1c1502160400");  // id 202, a struct of an i32 and an i64
  record += FromHex("19250204");      // id 203, a list of two i32
  record.push_back('\0');
  return record;
}

TEST(Codec, FieldsOfTheFutureAreSkipped) {
  const auto inode = DecodeInode(WithFutureFields(EncodeInode(FullInode())));
  ASSERT_TRUE(inode) << inode.error().message;
  ExpectEqual(*inode, FullInode());
  EXPECT_TRUE(DecodeEntry(WithFutureFields(EncodeEntry(EmptyFile()))));
  EXPECT_TRUE(DecodeDirectory(WithFutureFields(EncodeDirectory(FullHeader()))));
  EXPECT_TRUE(DecodeVolume(WithFutureFields(EncodeVolume(FullVolume()))));
}

// VolumeRecord's last field written by this version is created_nanos, id 8.
Bytes WithFeature(std::string_view header_hex) {
  Bytes record = EncodeVolume(FullVolume());
  record.pop_back();
  record += FromHex(header_hex);
  record += FromHex("0200");  // bit 0, end of the struct
  return record;
}

TEST(Codec, UnknownCompatFeaturesAreOfNoConsequence) {
  const auto volume = DecodeVolume(WithFeature("16"));
  ASSERT_TRUE(volume) << volume.error().message;
  EXPECT_FALSE(volume->read_only);
}

TEST(Codec, UnknownReadOnlyFeaturesForbidWriting) {
  const auto volume = DecodeVolume(WithFeature("26"));
  ASSERT_TRUE(volume) << volume.error().message;
  EXPECT_TRUE(volume->read_only);
}

TEST(Codec, UnknownIncompatibleFeaturesForbidOpening) {
  const auto volume = DecodeVolume(WithFeature("36"));
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code, ErrorCode::kFormatMismatch);
}

template <typename Decoder>
void ExpectCorrupt(Decoder decode, ByteView raw) {
  const auto decoded = decode(raw);
  ASSERT_FALSE(decoded) << Hex(raw);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt) << Hex(raw);
}

TEST(Codec, TruncatedAndOverlongRecordsAreCorrupt) {
  const Bytes raw = EncodeEntry(FullInode());
  for (size_t size = 0; size < raw.size(); ++size) ExpectCorrupt(DecodeEntry, raw.substr(0, size));
  ExpectCorrupt(DecodeEntry, raw + '\0');
}

TEST(Codec, LyingCountsAreCorruptAndTakeNoMemory) {
  // A map of 2^31-1 entries of xattrs (id 19), a string of 2^31-1 bytes (id 18), a list of structs.
  ExpectCorrupt(DecodeInode, FromHex("0b26ffffffff0788"));
  ExpectCorrupt(DecodeInode, FromHex("0824ffffffff07"));
  ExpectCorrupt(DecodeInode, FromHex("059003fcffffffff07"));
  ExpectCorrupt(DecodeInode, FromHex("099003fcffffffff07"));
}

TEST(Codec, DeepNestingIsCorrupt) {
  Bytes raw;
  for (int i = 0; i < 10'000; ++i) raw += FromHex("1c");  // struct in struct in ...
  ExpectCorrupt(DecodeInode, raw);
}

TEST(Codec, FieldsOutOfTheirRangeAreCorrupt) {
  const auto with = [](auto change) {
    Inode inode = EmptyFile();
    change(inode);
    return EncodeInode(inode);
  };
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.ino = Ino{}; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.mode = 0644; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.mode = S_IFDIR | 0755; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.mode |= 0x10000; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.nlink = kLinksMax + 1; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.size = -1; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.size = kFileBytesMax + 1; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.bytes_allocated = -1; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.ctime.nanos = -1; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.mtime.nanos = 1'000'000'000; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.symlink_target = Bytes(5000, 'x'); }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.ino = kRootIno; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.bytes_allocated = INT64_MAX; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.xattrs = {{"", "x"}}; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.xattrs = {{Bytes("user.a\0b", 8), "x"}}; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.xattrs = {{Bytes(256, 'n'), "x"}}; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) { i.mode = S_IFLNK | 0777; }));
  ExpectCorrupt(DecodeInode, with([](Inode& i) {
                  i.mode = S_IFLNK | 0777;
                  i.symlink_target = Bytes("a\0b", 3);
                }));
  // The root is in no directory.
  ExpectCorrupt(DecodeEntry, EncodeReference(kRootIno, S_IFDIR));
  DirectoryHeader header = FullHeader();
  header.name = "a/b";
  ExpectCorrupt(DecodeDirectory, EncodeDirectory(header));
  header = FullHeader();
  header.xattrs = {{Bytes(256, 'n'), "x"}};
  ExpectCorrupt(DecodeDirectory, EncodeDirectory(header));
  header = FullHeader();
  header.parent = Ino{};
  ExpectCorrupt(DecodeDirectory, EncodeDirectory(header));
  Volume volume = FullVolume();
  volume.options.block_bytes = 12'345;
  ExpectCorrupt(DecodeVolume, EncodeVolume(volume));
}

TEST(CodecFuzz, RandomBytesNeverDoMoreThanFail) {
  Random random(1);
  for (int i = 0; i < 200'000; ++i) {
    Bytes raw(random.Below(64), '\0');
    for (char& c : raw) c = static_cast<char>(random.Next());
    (void)DecodeEntry(raw);
    (void)DecodeInode(raw);
    (void)DecodeDirectory(raw);
    (void)DecodeVolume(raw);
  }
  EXPECT_TRUE(DecodeEntry(EncodeEntry(FullInode())));
}

TEST(CodecFuzz, DamagedRecordsNeverDoMoreThanFail) {
  Random random(2);
  const Bytes records[] = {EncodeEntry(FullInode()), EncodeDirectory(FullHeader()),
                           EncodeVolume(FullVolume())};
  for (int i = 0; i < 100'000; ++i) {
    Bytes raw = records[random.Below(std::size(records))];
    for (uint64_t flips = 1 + random.Below(4); flips > 0; --flips) {
      raw[random.Below(raw.size())] = static_cast<char>(random.Next());
    }
    (void)DecodeEntry(raw);
    (void)DecodeInode(raw);
    (void)DecodeDirectory(raw);
    (void)DecodeVolume(raw);
  }
  // What failed inside of a struct leaves no trace in the thread's decoder.
  const auto decoded = DecodeInode(EncodeInode(FullInode()));
  ASSERT_TRUE(decoded);
  ExpectEqual(*decoded, FullInode());
}

TEST(EntryName, IsCheckedByPosixAndLinuxLimits) {
  EXPECT_TRUE(IsEntryName("a"));
  EXPECT_TRUE(IsEntryName("..."));
  EXPECT_TRUE(IsEntryName(std::string(255, 'x')));
  EXPECT_FALSE(IsEntryName(std::string(256, 'x')));
  EXPECT_FALSE(IsEntryName(""));
  EXPECT_FALSE(IsEntryName("."));
  EXPECT_FALSE(IsEntryName(".."));
  EXPECT_FALSE(IsEntryName("a/b"));
  EXPECT_FALSE(IsEntryName(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace metaring::fusefs
