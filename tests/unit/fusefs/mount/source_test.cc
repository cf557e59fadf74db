// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace metaring::fusefs::mount {
namespace {

class SourceTest : public ::testing::Test {
 protected:
  SourceTest() {
    char name[] = "/tmp/metaring-source-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~SourceTest() override { std::filesystem::remove_all(directory_); }
  std::string store() const { return directory_ + "/store"; }
  std::string directory_;
  const SystemClock clock_;
};

TEST(ParseSource, OnlyEmbeddedDirectoriesAreSources) {
  EXPECT_EQ(ParseSource("embedded:/var/lib/x/").value(), "/var/lib/x");
  EXPECT_EQ(ParseSource("embedded:/").value(), "/");
  EXPECT_EQ(ParseSource("embedded:relative").value(),
            std::filesystem::current_path().string() + "/relative");
  for (const char* source : {"", "embedded:", "/var/lib/x", "node1:7000", "Embedded:/x"}) {
    EXPECT_EQ(ParseSource(source).error().code, ErrorCode::kInvalidArgument) << source;
  }
}

TEST_F(SourceTest, AVolumeIsMadeOnceAndFoundAgain) {
  MountOptions options;
  options.block_bytes = 32 << 10;
  options.bytes_max = 1 << 30;
  std::string id;
  {
    const auto made = OpenVolume(store(), options, clock_);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->volume.options.block_bytes, 32u << 10);
    EXPECT_EQ(made->volume.options.bytes_max, 1u << 30);
    id = made->volume.id;
  }
  const auto again = OpenVolume(store(), MountOptions{}, clock_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->volume.id, id);
  EXPECT_EQ(again->volume.options.bytes_max, 1u << 30);
}

TEST_F(SourceTest, LimitsMayChangeAndTheRestMayNot) {
  ASSERT_TRUE(OpenVolume(store(), MountOptions{}, clock_));
  MountOptions limits;
  limits.inodes_max = 77;
  const auto changed = OpenVolume(store(), limits, clock_);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->volume.options.inodes_max, 77u);
}

TEST_F(SourceTest, AnotherBlockSizeThanTheVolumesIsRefused) {
  ASSERT_TRUE(OpenVolume(store(), MountOptions{}, clock_));
  MountOptions other;
  other.block_bytes = 4096;
  EXPECT_EQ(OpenVolume(store(), other, clock_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SourceTest, ReadOnlyMakesNothing) {
  MountOptions options;
  options.read_only = true;
  EXPECT_FALSE(OpenVolume(store(), options, clock_));
  EXPECT_FALSE(std::filesystem::exists(store()));
  ASSERT_TRUE(OpenVolume(store(), MountOptions{}, clock_));
  options.volume = "other";
  EXPECT_EQ(OpenVolume(store(), options, clock_).error().code, ErrorCode::kNotFound);
}

TEST_F(SourceTest, WrongBlockSizesAreRefused) {
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{5000}, uint64_t{1} << 40}) {
    MountOptions options;
    options.block_bytes = bytes;
    EXPECT_FALSE(OpenVolume(store(), options, clock_)) << bytes;
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
