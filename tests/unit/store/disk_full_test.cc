// SPDX-License-Identifier: Apache-2.0
//
// A disk that really is full: a small filesystem in memory, mounted for the test.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/store/model.h"

namespace metaring::store {
namespace {

constexpr uint64_t kDiskBytes = 24 << 20;
constexpr uint64_t kReserveBytes = 4 << 20;

class DiskFull : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    const std::string options = "size=" + std::to_string(kDiskBytes);
    ASSERT_EQ(::mount("store_test", mount_point_.path().c_str(), "tmpfs", 0, options.c_str()), 0);
    mounted_ = true;
    options_.overlay_bytes_max = 512 << 10;
    options_.reserve_bytes = kReserveBytes;
    options_.map_bytes = uint64_t{1} << 30;
    store_ = OpenAt(mount_point_.path(), options_);
  }
  void TearDown() override {
    store_.reset();
    if (mounted_) ::umount2(mount_point_.path().c_str(), MNT_DETACH);
  }

  uint64_t FreeBytes() const {
    struct statvfs fs {};
    ::statvfs(mount_point_.path().c_str(), &fs);
    return fs.f_bfree * fs.f_frsize;
  }
  // Somebody else takes what is left.
  void TakeTheRest() {
    const int fd = ::open(other_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    const Bytes page(4096, 'x');
    while (::write(fd, page.data(), page.size()) > 0) {
    }
    ::close(fd);
    ASSERT_EQ(FreeBytes(), 0u);
  }
  void Put(uint64_t number) {
    const Bytes key = "key" + std::to_string(number);
    model_[key] = Bytes(3000, static_cast<char>('a' + number % 26));
    PutOne(*store_, key, model_[key]);
  }
  void DeleteAll() {
    for (const auto& [key, value] : model_) {
      auto txn = BeginOf(*store_);
      txn->Delete(key);
      txn->Commit(store_->applied() + 1);
    }
    model_.clear();
  }

  TemporaryDirectory mount_point_;
  const std::string other_ = mount_point_.path() + "/other";
  bool mounted_ = false;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  Model model_;
};

TEST_F(DiskFull, IsTrueWhileTheReserveIsStillThereAndDeletesGoOn) {
  for (uint64_t i = 0; !store_->usage().Full(); ++i) {
    ASSERT_LT(i, 20'000u);
    Put(i);
  }
  EXPECT_TRUE(store_->usage().disk_full);
  TakeTheRest();
  // What was accepted before it was known finds its place in the reserve.
  ASSERT_TRUE(store_->Flush().has_value());
  EXPECT_EQ(Scan(*ViewOf(*store_)), model_);
  DeleteAll();
  ASSERT_TRUE(store_->Flush().has_value());
  EXPECT_EQ(store_->usage().keys_flushed, 0u);
}

TEST_F(DiskFull, HealsWithoutARestart) {
  Put(1);
  TakeTheRest();
  for (uint64_t i = 0; !store_->usage().Full(); ++i) {
    ASSERT_LT(i, 20'000u);
    Put(i);
  }
  ::unlink(other_.c_str());
  // The flusher looks again by itself.
  while (store_->usage().Full()) std::this_thread::yield();
  Put(30'000);
  ASSERT_TRUE(store_->Flush().has_value());
  EXPECT_EQ(Scan(*ViewOf(*store_)), model_);
}

TEST_F(DiskFull, KeepsAnOverlayThatFindsNoRoomAndWritesItLater) {
  TakeTheRest();
  // More than the reserve, although usage() says no long since.
  const Bytes large(kReserveBytes * 2, 'l');
  PutOne(*store_, "large", large);
  for (int i = 0; i < 3; ++i) {
    const Status flushed = store_->Flush();
    ASSERT_FALSE(flushed.has_value());
    EXPECT_EQ(flushed.error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(store_->flushed(), 0u);
    EXPECT_TRUE(store_->usage().Full());
    EXPECT_EQ(GetOr(*ViewOf(*store_), "large", "-"), large);
  }
  ::unlink(other_.c_str());
  ASSERT_TRUE(store_->Flush().has_value());
  store_.reset();
  store_ = OpenAt(mount_point_.path(), options_);
  EXPECT_EQ(GetOr(*ViewOf(*store_), "large", "-"), large);
}

TEST_F(DiskFull, AStoreThatWasFlushedIsOpenedAndRead) {
  Put(1);
  store_.reset();
  TakeTheRest();
  store_ = OpenAt(mount_point_.path(), options_);
  EXPECT_EQ(Scan(*ViewOf(*store_)), model_);
}

}  // namespace
}  // namespace metaring::store
