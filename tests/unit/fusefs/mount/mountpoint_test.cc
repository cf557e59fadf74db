// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/mountpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace metaring::fusefs::mount {
namespace {

class MountpointTest : public ::testing::Test {
 protected:
  MountpointTest() {
    char name[] = "/tmp/metaring-mountpoint-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~MountpointTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(MountpointTest, ADirectoryIsGivenBackAbsoluteAndWithoutSymlinks) {
  std::filesystem::create_directory_symlink(directory_, directory_ + "/link");
  EXPECT_EQ(CheckMountpoint(directory_ + "/link", "embedded:/nowhere").value(), directory_);
}

TEST_F(MountpointTest, AMissingOneIsSaidToBeMissing) {
  const auto checked = CheckMountpoint(directory_ + "/missing", "embedded:/nowhere");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kNotFound);
  EXPECT_NE(checked.error().message.find("mkdir"), std::string::npos);
}

TEST_F(MountpointTest, AFileIsNotADirectory) {
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_EQ(CheckMountpoint(directory_ + "/file", "embedded:/nowhere").error().code,
            ErrorCode::kNotDirectory);
}

TEST(IsMounted, NothingWithSuchASourceIs) {
  EXPECT_FALSE(IsMounted("embedded:/no/such/store", ""));
}

}  // namespace
}  // namespace metaring::fusefs::mount
