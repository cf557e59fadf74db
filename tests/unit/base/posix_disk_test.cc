// SPDX-License-Identifier: Apache-2.0
//
// Disk on a real directory: what the log relies on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "kvnode/base/disk.h"

namespace metaring {
namespace {

class PosixDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "metaring_disk_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
    path_ = name + "/disk";
    auto disk = OpenPosixDisk(path_);
    ASSERT_TRUE(disk) << disk.error().message;
    disk_ = std::move(*disk);
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }

  std::unique_ptr<File> MustCreate(const std::string& name) {
    auto file = disk_->Create(name);
    EXPECT_TRUE(file);
    return file ? std::move(*file) : nullptr;
  }

  std::string parent_;
  std::string path_;
  std::unique_ptr<Disk> disk_;
};

TEST_F(PosixDiskTest, DirectoryIsForItsOwnerOnly) {
  struct stat st {};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
}

TEST_F(PosixDiskTest, ExistingDirectoryIsOpenedAsItIs) {
  MustCreate("kept");
  EXPECT_EQ(*(*OpenPosixDisk(path_))->List(), std::vector<std::string>{"kept"});
}

TEST_F(PosixDiskTest, DirectoryWithoutParentIsNotFound) {
  const auto disk = OpenPosixDisk(parent_ + "/no/such");
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().code, ErrorCode::kNotFound);
  EXPECT_NE(disk.error().message.find("/no/such"), std::string::npos);
}

TEST_F(PosixDiskTest, FileIsNoDirectory) {
  MustCreate("file");
  EXPECT_FALSE(OpenPosixDisk(path_ + "/file"));
}

TEST_F(PosixDiskTest, WrittenBytesAreReadBack) {
  auto file = MustCreate("f");
  ASSERT_TRUE(file->WriteAt(0, "hello world"));
  ASSERT_TRUE(file->WriteAt(6, "there"));
  ASSERT_TRUE(file->Sync());
  EXPECT_EQ(*file->ReadAt(0, 11), "hello there");
  EXPECT_EQ(*file->ReadAt(6, 2), "th");
  EXPECT_EQ(*(*disk_->Open("f"))->ReadAt(0, 100), "hello there");
}

TEST_F(PosixDiskTest, ReadsAreShortAtTheEndOnly) {
  auto file = MustCreate("f");
  ASSERT_TRUE(file->WriteAt(0, Bytes(1000, 'x')));
  EXPECT_EQ(file->ReadAt(990, 100)->size(), 10u);
  EXPECT_TRUE(file->ReadAt(1000, 100)->empty());
  EXPECT_TRUE(file->ReadAt(5000, 100)->empty());
  EXPECT_EQ(file->ReadAt(0, 1000)->size(), 1000u);
}

TEST_F(PosixDiskTest, GapsAreZeros) {
  auto file = MustCreate("f");
  ASSERT_TRUE(file->WriteAt(10, "x"));
  EXPECT_EQ(*file->ReadAt(0, 11), Bytes(10, '\0') + "x");
}

TEST_F(PosixDiskTest, AllocatedFileIsZerosWithBlocks) {
  auto file = MustCreate("f");
  ASSERT_TRUE(file->WriteAt(0, "kept"));
  ASSERT_TRUE(file->Allocate(1 << 20));
  EXPECT_EQ(*file->Size(), 1u << 20);
  EXPECT_EQ(*file->ReadAt(0, 6), ByteView("kept\0\0", 6));
  EXPECT_EQ(*file->ReadAt((1 << 20) - 3, 10), Bytes(3, '\0'));
  struct stat st {};
  ASSERT_EQ(::stat((path_ + "/f").c_str(), &st), 0);
  EXPECT_GE(st.st_blocks * 512, 1 << 20);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(PosixDiskTest, OpenOfAMissingFileIsNotFound) {
  const auto file = disk_->Open("missing");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().message.find("missing"), std::string::npos);
}

TEST_F(PosixDiskTest, CreateOfAnExistingFileIsExists) {
  MustCreate("f");
  EXPECT_EQ(disk_->Create("f").error().code, ErrorCode::kExists);
}

TEST_F(PosixDiskTest, RenameReplaces) {
  ASSERT_TRUE(MustCreate("from")->WriteAt(0, "new"));
  ASSERT_TRUE(MustCreate("to")->WriteAt(0, "old"));
  ASSERT_TRUE(disk_->Rename("from", "to"));
  ASSERT_TRUE(disk_->SyncDirectory());
  EXPECT_EQ(*disk_->List(), std::vector<std::string>{"to"});
  EXPECT_EQ(*(*disk_->Open("to"))->ReadAt(0, 10), "new");
  EXPECT_EQ(disk_->Rename("from", "to").error().code, ErrorCode::kNotFound);
}

TEST_F(PosixDiskTest, RemovedFileIsGoneButReadableWhileOpen) {
  auto file = MustCreate("f");
  ASSERT_TRUE(file->WriteAt(0, "still"));
  ASSERT_TRUE(disk_->Remove("f"));
  ASSERT_TRUE(disk_->SyncDirectory());
  EXPECT_TRUE(disk_->List()->empty());
  EXPECT_EQ(*file->ReadAt(0, 10), "still");
  EXPECT_EQ(disk_->Remove("f").error().code, ErrorCode::kNotFound);
}

TEST_F(PosixDiskTest, ListHasRegularFilesInByteOrder) {
  for (const char* name : {"b", "a", "B", "10", "9"}) MustCreate(name);
  ASSERT_EQ(::mkdir((path_ + "/directory").c_str(), 0700), 0);
  ASSERT_EQ(::symlink("a", (path_ + "/link").c_str()), 0);
  EXPECT_EQ(*disk_->List(), (std::vector<std::string>{"10", "9", "B", "a", "b"}));
}

TEST_F(PosixDiskTest, ThreadsWriteTheirRangesAtOnce) {
  auto file = MustCreate("f");
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t n = 0; n < 100; ++n) {
        EXPECT_TRUE(file->WriteAt((n * 4 + i) * 100, Bytes(100, static_cast<char>('a' + i))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Bytes all = *file->ReadAt(0, 100'000);
  ASSERT_EQ(all.size(), 40'000u);
  for (size_t at = 0; at < all.size(); ++at) {
    ASSERT_EQ(all[at], static_cast<char>('a' + at / 100 % 4)) << at;
  }
}

// --- appends

// Appends `data` in pieces of these sizes, again and again.
void AppendInPieces(File& file, uint64_t offset, ByteView data, std::vector<size_t> sizes) {
  for (size_t i = 0; !data.empty(); ++i) {
    const ByteView piece = data.substr(0, sizes[i % sizes.size()]);
    ASSERT_TRUE(file.WriteThrough(offset, piece));
    offset += piece.size();
    data.remove_prefix(piece.size());
  }
}

Bytes Pattern(size_t size) {
  Bytes bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(1 + i % 251));
  return bytes;
}

TEST_F(PosixDiskTest, AppendsOfAnySizeFollowEachOther) {
  const auto file = MustCreate("log");
  ASSERT_TRUE(file->Allocate(1 << 20));
  const Bytes data = Pattern(300'000);
  AppendInPieces(*file, 4096, data, {1, 500, 4096, 3595, 8192, 1, 70'000});
  EXPECT_EQ(*file->ReadAt(4096, data.size()), data);
  EXPECT_EQ(*file->ReadAt(0, 4096), Bytes(4096, '\0'));
  EXPECT_EQ(*file->Size(), 1u << 20);
}

TEST_F(PosixDiskTest, ASmallAppendAfterALargeOneFollowsIt) {
  const auto file = MustCreate("log");
  ASSERT_TRUE(file->Allocate(4 << 20));
  const Bytes data = Pattern(3'000'000);
  AppendInPieces(*file, 0, data, {1'500'001, 7, 1'200'000, 100});
  EXPECT_EQ(*file->ReadAt(0, data.size()), data);
}

TEST_F(PosixDiskTest, AnAppendInTheMiddleOfABlockKeepsWhatIsBeforeIt) {
  const Bytes data = Pattern(10'000);
  {
    const auto file = MustCreate("log");
    ASSERT_TRUE(file->Allocate(1 << 16));
    AppendInPieces(*file, 0, ByteView(data).substr(0, 5000), {5000});
  }
  const auto again = disk_->Open("log");
  ASSERT_TRUE(again);
  AppendInPieces(**again, 5000, ByteView(data).substr(5000), {700});
  EXPECT_EQ(*(*again)->ReadAt(0, data.size()), data);
}

TEST_F(PosixDiskTest, AnAppendKeepsWhatWasWrittenThroughTheCacheBeforeIt) {
  const auto file = MustCreate("log");
  ASSERT_TRUE(file->Allocate(1 << 16));
  ASSERT_TRUE(file->WriteAt(4096, "header"));
  ASSERT_TRUE(file->WriteThrough(4102, "record"));
  EXPECT_EQ(*file->ReadAt(4096, 12), "headerrecord");
}

// In a child with mounts of its own, which end with it. What it found out, as its exit status.
enum RamfsOutcome { kRight = 0, kWrong = 1, kNoMount = 77 };
int AppendOnRamfs(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", directory.c_str(), "ramfs", 0, nullptr) != 0) {
    return kNoMount;
  }
  const std::string probe = directory + "/probe";
  if (::open(probe.c_str(), O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600) >= 0) return kWrong;
  const auto disk = OpenPosixDisk(directory);
  if (!disk) return kWrong;
  const auto file = (*disk)->Create("log");
  if (!file || !(*file)->Allocate(1 << 16)) return kWrong;
  const Bytes data = Pattern(20'000);
  AppendInPieces(**file, 0, data, {999, 4096});
  const auto read = (*file)->ReadAt(0, data.size());
  return read && *read == data ? kRight : kWrong;
}

TEST_F(PosixDiskTest, WhereDirectWritesAreNotToBeHadAppendsWorkToo) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(AppendOnRamfs(path_));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoMount) GTEST_SKIP() << "only root can mount";
  EXPECT_EQ(WEXITSTATUS(status), kRight);
}

TEST_F(PosixDiskTest, AnEmptyAppendIsDone) {
  const auto file = MustCreate("log");
  EXPECT_TRUE(file->WriteThrough(0, ""));
}

}  // namespace
}  // namespace metaring
