// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/node_identity.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace metaring::server {
namespace {

const std::string kOne(32, '1');
const std::string kTwo(32, '2');

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "identity_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& text) const { std::ofstream(directory_ + "/NODE") << text; }
  std::string RefusalOf(const NodeIdentity& wanted) const {
    const Status checked = CheckIdentity(directory_, wanted);
    const auto taken = TakeIdentity(directory_, wanted);
    EXPECT_FALSE(checked || taken);
    if (checked || taken) return "accepted";
    EXPECT_EQ(checked.error().code, ErrorCode::kFormatMismatch);
    EXPECT_EQ(taken.error().message, checked.error().message);
    return checked.error().message;
  }

  std::string directory_;
};

TEST_F(Identity, OfANewDirectoryIsTheConfiguredOne) {
  EXPECT_TRUE(CheckIdentity(directory_, {kOne, 7}));
  EXPECT_TRUE(CheckIdentity(directory_ + "/missing", {kOne, 7}));
  const auto made = TakeIdentity(directory_, {kOne, 7});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->cluster_id, kOne);
  const auto again = TakeIdentity(directory_, {"", 7});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->cluster_id, kOne);
  EXPECT_EQ(again->node_id, 7U);
}

TEST_F(Identity, HasARandomClusterWhenNoneIsConfigured) {
  const auto made = TakeIdentity(directory_, {"", 1});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->cluster_id.size(), 32U);
  EXPECT_EQ(made->cluster_id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_TRUE(CheckIdentity(directory_, {made->cluster_id, 1}));
  std::filesystem::remove(directory_ + "/NODE");
  EXPECT_NE(TakeIdentity(directory_, {"", 1})->cluster_id, made->cluster_id);
}

TEST_F(Identity, OfAnotherClusterOrNodeIsRefusedSayingWhich) {
  ASSERT_TRUE(TakeIdentity(directory_, {kOne, 1}));
  EXPECT_EQ(RefusalOf({kTwo, 1}),
            directory_ + " belongs to cluster " + kOne + ", and this node to cluster " + kTwo);
  EXPECT_EQ(RefusalOf({kOne, 2}),
            directory_ + " belongs to node 1 of cluster " + kOne + ", and this is node 2");
}

TEST(IdentityText, IsAsTheHeaderHasIt) {
  EXPECT_EQ(EncodeIdentity({"6f1c0e0d5b9a4c2f8e7d6c5b4a392817", 1}),
            "metaring node 1\ncluster 6f1c0e0d5b9a4c2f8e7d6c5b4a392817\nid 1\n"
            "sum 66207b5cc11453bb\n");
}

TEST_F(Identity, OfANewerFormatIsRefusedSayingBoth) {
  Write("metaring node 2\nsomething new\n");
  EXPECT_EQ(RefusalOf({kOne, 1}),
            directory_ + "/NODE has format version 2, this program knows version 1");
}

TEST_F(Identity, ThatIsDamagedIsRefused) {
  const std::string good = EncodeIdentity({kOne, 1});
  for (const std::string& text :
       {std::string(), std::string("metaring"), good.substr(0, good.size() - 1), good + "\n",
        std::string("metaring node 1\ncluster ") + kOne + "\nid 1\nsum 0000000000000000\n",
        std::string("metaring node 1\ncluster x\nid 1\n")}) {
    Write(text);
    EXPECT_EQ(RefusalOf({kOne, 1}), directory_ + "/NODE is damaged") << text;
  }
  std::string flipped = good;
  flipped[20] = '2';
  Write(flipped);
  EXPECT_EQ(RefusalOf({kOne, 1}), directory_ + "/NODE is damaged");
}

// A crash between the making of the directory and of the file leaves neither half.
TEST_F(Identity, IsMadeOverAnUnfinishedOne) {
  std::ofstream(directory_ + "/NODE.new") << "metar";
  EXPECT_TRUE(TakeIdentity(directory_, {kOne, 1}));
  EXPECT_TRUE(CheckIdentity(directory_, {kOne, 1}));
}

}  // namespace
}  // namespace metaring::server
