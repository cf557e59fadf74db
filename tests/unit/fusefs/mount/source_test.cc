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
  Source source() const { return *ParseSource("embedded:" + store()); }
  std::string directory_;
  const SystemClock clock_;
};

TEST(ParseSource, ADirectoryIsMadeAbsolute) {
  EXPECT_EQ(ParseSource("embedded:/var/lib/x/")->directory, "/var/lib/x");
  EXPECT_EQ(ParseSource("embedded:/")->directory, "/");
  EXPECT_EQ(ParseSource("embedded:relative")->directory,
            std::filesystem::current_path().string() + "/relative");
  EXPECT_EQ(ParseSource("embedded:/x")->ToString(), "embedded:/x");
}

TEST(ParseSource, AClusterHasEndpointsAndAVolume) {
  const auto source = ParseSource("node-a:7400,[::1]:7401/home");
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_FALSE(source->embedded());
  ASSERT_EQ(source->endpoints.size(), 2u);
  EXPECT_EQ(source->endpoints[1].host, "::1");
  EXPECT_EQ(source->volume, "home");
  EXPECT_EQ(source->ToString(), "node-a:7400,[::1]:7401/home");
}

TEST(ParseSource, AnythingElseIsRefused) {
  for (const char* source : {"", "embedded:", "/var/lib/x", "node1:7000", "Embedded:/x", "node1/x",
                             "node1:0/x", "node1:7000/", "node1:7000/a/b", "node1:7000,/x"}) {
    EXPECT_EQ(ParseSource(source).error().code, ErrorCode::kInvalidArgument) << source;
  }
}

TEST_F(SourceTest, AVolumeIsMadeOnceAndFoundAgain) {
  MountOptions options;
  options.block_bytes = 32 << 10;
  options.bytes_max = 1 << 30;
  std::string id;
  {
    const auto made = OpenVolume(source(), options, clock_);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->volume.options.block_bytes, 32u << 10);
    EXPECT_EQ(made->volume.options.bytes_max, 1u << 30);
    id = made->volume.id;
  }
  const auto again = OpenVolume(source(), MountOptions{}, clock_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->volume.id, id);
  EXPECT_EQ(again->volume.options.bytes_max, 1u << 30);
}

TEST_F(SourceTest, LimitsMayChangeAndTheRestMayNot) {
  ASSERT_TRUE(OpenVolume(source(), MountOptions{}, clock_));
  MountOptions limits;
  limits.inodes_max = 77;
  const auto changed = OpenVolume(source(), limits, clock_);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->volume.options.inodes_max, 77u);
}

TEST_F(SourceTest, AnotherBlockSizeThanTheVolumesIsRefused) {
  ASSERT_TRUE(OpenVolume(source(), MountOptions{}, clock_));
  MountOptions other;
  other.block_bytes = 4096;
  EXPECT_EQ(OpenVolume(source(), other, clock_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SourceTest, ReadOnlyMakesNothing) {
  MountOptions options;
  options.read_only = true;
  EXPECT_FALSE(OpenVolume(source(), options, clock_));
  EXPECT_FALSE(std::filesystem::exists(store()));
  ASSERT_TRUE(OpenVolume(source(), MountOptions{}, clock_));
  options.volume = "other";
  EXPECT_EQ(OpenVolume(source(), options, clock_).error().code, ErrorCode::kNotFound);
}

TEST_F(SourceTest, WrongBlockSizesAreRefused) {
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{5000}, uint64_t{1} << 40}) {
    MountOptions options;
    options.block_bytes = bytes;
    EXPECT_FALSE(OpenVolume(source(), options, clock_)) << bytes;
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
