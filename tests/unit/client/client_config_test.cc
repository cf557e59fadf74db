// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/client_config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace metaring::client {
namespace {

class ClientConfigTest : public ::testing::Test {
 protected:
  ClientConfigTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "client_config.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ + "/kvctl.toml";
  }
  ~ClientConfigTest() override { std::filesystem::remove_all(directory_); }

  Result<ClientConfig> Load(const std::string& text) {
    std::ofstream(file_) << text;
    return LoadClientConfig(file_);
  }
  // What is said of it, behind the file's name.
  std::string Complaint(const std::string& text) {
    const auto config = Load(text);
    EXPECT_FALSE(config) << text;
    if (config) return "";
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(config.error().message.starts_with(file_ + ":")) << config.error().message;
    return config.error().message.substr(std::min(config.error().message.size(), file_.size() + 1));
  }

  std::string directory_;
  std::string file_;
};

TEST_F(ClientConfigTest, SaysWhereAndWho) {
  const auto config = Load(
      "# a comment\n"
      "endpoints = [\"a:1\", \"[::1]:2\"]\n"
      "ca = \"ca.crt\"\ncert = \"../alice.crt\"\nkey = \"/etc/alice.key\"\ncrl = \"ca.crl\"\n"
      "server_name = \"node\"\ncluster_id = \"abc\"\ndeadline_ms = 1500\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->endpoints[1], (Endpoint{"::1", 2}));
  EXPECT_EQ(config->ca_file, directory_ + "/ca.crt");
  EXPECT_EQ(config->certificate_file,
            std::filesystem::path(directory_).parent_path().string() + "/alice.crt");
  EXPECT_EQ(config->key_file, "/etc/alice.key");
  const auto options = RemoteOptionsOf(*config);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->nodes.tls->crl_file, directory_ + "/ca.crl");
  EXPECT_EQ(options->nodes.server_name, "node");
  EXPECT_EQ(options->nodes.cluster_id, "abc");
  EXPECT_EQ(options->deadline.count(), 1500);
}

TEST_F(ClientConfigTest, ComplaintsHaveFileAndLine) {
  EXPECT_EQ(Complaint("\n\nendpoint = [\"a:1\"]\n"), "3: there is no key 'endpoint'");
  EXPECT_EQ(Complaint("ca = 5\n"), "1: ca is a string");
  EXPECT_EQ(Complaint("ca = \"\"\n"), "1: ca is empty");
  EXPECT_EQ(Complaint("endpoints = \"a:1\"\n"), "1: endpoints is a list of \"HOST:PORT\"");
  EXPECT_EQ(Complaint("endpoints = []\n"), "1: endpoints are 1 to 64");
  EXPECT_EQ(Complaint("endpoints = [\"a:1\",\n \"b\"]\n"),
            "2: 'b' is not HOST:PORT (an IPv6 address in brackets)");
  EXPECT_EQ(Complaint("\ndeadline_ms = 0\n"), "2: deadline_ms is a number of 1 to 3600000");
  EXPECT_EQ(Complaint("insecure_plain_text = 1\n"), "1: insecure_plain_text is true or false");
  EXPECT_EQ(Complaint("[section]\nca = \"x\"\n"), "1: there is no key 'section'");
  EXPECT_TRUE(Complaint("ca = \"x\"\nca\n").starts_with("2: "));
  EXPECT_TRUE(Complaint("ca = \"x\"\nca = \"y\"\n").find("ca") != std::string::npos);
}

TEST_F(ClientConfigTest, AMissingFileIsNotFound) {
  EXPECT_EQ(LoadClientConfig(file_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(LoadClientConfig(directory_));
}

TEST_F(ClientConfigTest, OptionsMustGoTogether) {
  const auto refused = [&](const std::string& text) {
    const auto config = Load(text);
    EXPECT_TRUE(config) << text;
    const auto options = RemoteOptionsOf(*config);
    EXPECT_FALSE(options) << text;
    return options ? ErrorCode::kInternal : options.error().code;
  };
  EXPECT_EQ(refused(""), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("endpoints = [\"a:1\"]\n"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("endpoints = [\"a:1\"]\nca = \"x\"\ncert = \"x\"\n"),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("endpoints = [\"a:1\"]\nca = \"x\"\ninsecure_plain_text = true\n"),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(RemoteOptionsOf(*Load("endpoints = [\"a:1\"]\ninsecure_plain_text = true\n")));
}

TEST_F(ClientConfigTest, IsLookedForInTheHome) {
  ::setenv("HOME", "/home/alice", 1);
  ::unsetenv("XDG_CONFIG_HOME");
  EXPECT_EQ(DefaultClientConfigFile(), "/home/alice/.config/metaring/kvctl.toml");
  ::setenv("XDG_CONFIG_HOME", "/etc/xdg", 1);
  EXPECT_EQ(DefaultClientConfigFile(), "/etc/xdg/metaring/kvctl.toml");
  ::unsetenv("XDG_CONFIG_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(DefaultClientConfigFile(), "");
}

}  // namespace
}  // namespace metaring::client
