// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "kvnode/base/bytes.h"

namespace metaring::server {
namespace {

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "config_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  Result<LoadedConfig> Load(const std::string& text) const {
    return LoadConfig(Write("kvnode.toml", text));
  }
  // Without the directory: "kvnode.toml:3: ...".
  std::string RefusalOf(const std::string& text) const {
    const auto loaded = Load(text);
    if (loaded) return "accepted";
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
    std::string message = loaded.error().message;
    const std::string prefix = directory_.string() + "/";
    if (message.starts_with(prefix)) message.erase(0, prefix.size());
    return message;
  }

  std::filesystem::path directory_;
};

std::string ContentOf(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST_F(ConfigFiles, AnEmptyFileGivesTheDefaults) {
  const auto loaded = Load("");
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const ConfigOption& option : ConfigOptions()) {
    EXPECT_EQ(ConfigValueText(option, loaded->config), ConfigValueText(option, Config()));
  }
}

TEST_F(ConfigFiles, GiveWhatTheySay) {
  const auto loaded = Load(R"(
[node]
data_directory = "data"
id = 7
[tls]
allow_tls12 = true
[limits]
frame_bytes_max = "32M"
connections_max = 100_000
[store]
quota_bytes = 1073741824
[logging]
level = "debug"
)");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.data_directory, (directory_ / "data").string());
  EXPECT_EQ(loaded->config.node_id, 7);
  EXPECT_TRUE(loaded->config.allow_tls12);
  EXPECT_EQ(loaded->config.frame_bytes_max, 32 << 20);
  EXPECT_EQ(loaded->config.connections_max, 100'000);
  EXPECT_EQ(loaded->config.quota_bytes, 1 << 30);
  EXPECT_EQ(loaded->config.log_level, "debug");
  EXPECT_EQ(loaded->places.at("node.id"), (directory_ / "kvnode.toml").string() + ":4");
}

TEST_F(ConfigFiles, OfConfDOverrideInTheOrderOfTheirNames) {
  Write("conf.d/20-second.toml", "[node]\nid = 20\n");
  Write("conf.d/10-first.toml", "[node]\nid = 10\nrack = \"ten\"\n");
  Write("conf.d/30-other.conf", "[node]\nid = 30\n");
  const auto loaded = Load("[node]\nid = 1\nrack = \"one\"\ncluster_id = \"\"\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.node_id, 20);
  EXPECT_EQ(loaded->config.rack, "ten");
  Write("conf.d/20-second.toml", "\n[node]\nrak = 2\n");
  const auto refused = Load("");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            (directory_ / "conf.d/20-second.toml").string() + ":3: unknown option node.rak");
}

TEST_F(ConfigFiles, RefuseWhatIsUnknownWithItsLine) {
  EXPECT_EQ(RefusalOf("[node]\nid = 1\nidd = 2\n"), "kvnode.toml:3: unknown option node.idd");
  EXPECT_EQ(RefusalOf("\nid = 2\n"), "kvnode.toml:2: unknown option id");
  EXPECT_EQ(RefusalOf("[nodes]\nid = 2\n"), "kvnode.toml:1: unknown section [nodes]");
  EXPECT_EQ(RefusalOf("[node]\n[nodes]\n"), "kvnode.toml:2: unknown section [nodes]");
  EXPECT_EQ(RefusalOf("[node.id]\nx = 2\n").find("kvnode.toml:1: node.id must be"), 0U);
  // The first of several.
  EXPECT_EQ(RefusalOf("[tls]\nbb = 1\n[node]\naa = 2\n"), "kvnode.toml:2: unknown option tls.bb");
}

TEST_F(ConfigFiles, RefuseWrongTypesAndValuesOutOfRange) {
  EXPECT_EQ(RefusalOf("[node]\nid = \"1\"\n"),
            "kvnode.toml:2: node.id must be a number from 1 to 1099511627776");
  EXPECT_EQ(RefusalOf("[node]\nid = 0\n").find("kvnode.toml:2: node.id must be"), 0U);
  EXPECT_EQ(RefusalOf("[node]\nid = 1.5\n").find("kvnode.toml:2: node.id must be"), 0U);
  EXPECT_EQ(RefusalOf("[node]\nrack = 3\n"), "kvnode.toml:2: node.rack must be a text in quotes");
  EXPECT_EQ(RefusalOf("[node]\nrack = \"a\\nb\"\n"),
            "kvnode.toml:2: node.rack must be a text in quotes");
  EXPECT_EQ(RefusalOf("[tls]\nallow_tls12 = 1\n"),
            "kvnode.toml:2: tls.allow_tls12 must be true or false");
  EXPECT_EQ(RefusalOf("[logging]\nlevel = \"loud\"\n"),
            "kvnode.toml:2: logging.level must be one of \"debug\", \"info\", \"warn\", \"error\"");
  for (const char* bytes :
       {"\"1X\"", "\"M\"", "\"-1K\"", "\"99999999999T\"", "\"1 M\"", "1", "[1]"}) {
    EXPECT_EQ(RefusalOf(std::string("[limits]\nframe_bytes_max = ") + bytes + "\n")
                  .find("kvnode.toml:2: limits.frame_bytes_max must be"),
              0U)
        << bytes;
  }
  for (const char* address : {"localhost:1", "127.0.0.1", "127.0.0.1:", ":7400", "127.0.0.1:70000",
                              "::1:7400", "[127.0.0.1]:1", "127.0.0.1:1x"}) {
    EXPECT_EQ(RefusalOf(std::string("[listen]\nclients = \"") + address + "\"\n")
                  .find("kvnode.toml:2: listen.clients must be"),
              0U)
        << address;
  }
}

TEST_F(ConfigFiles, RefuseWhatDoesNotGoTogetherAtItsPlace) {
  EXPECT_EQ(RefusalOf("[node]\ncluster_id = \"ABC\"\n"),
            "kvnode.toml:2: node.cluster_id must be 32 of the digits 0-9 a-f");
  EXPECT_EQ(RefusalOf("[listen]\nnodes = \"0.0.0.0:7401\"\n[tls]\ninsecure_plain_text = true\n"),
            "kvnode.toml:2: listen.nodes must be a loopback address with tls.insecure_plain_text");
  EXPECT_EQ(RefusalOf("[tls]\nkey = \"\"\n"), "kvnode.toml:2: tls.key must name a file");
  EXPECT_EQ(RefusalOf("[limits]\nconnections_max = 10\n"),
            "the default: limits.connections_reserved_for_nodes must be less than "
            "limits.connections_max");
  EXPECT_EQ(RefusalOf("[limits]\nrequest_bytes_max = \"79M\"\n"),
            "kvnode.toml:2: limits.request_bytes_max must be at least four times "
            "limits.frame_bytes_max");
  EXPECT_EQ(RefusalOf("[store]\nquota_bytes = \"16M\"\n"),
            "kvnode.toml:2: store.quota_bytes must be more than store.reserve_bytes");
}

TEST_F(ConfigFiles, RefuseWhatIsNotToml) {
  EXPECT_EQ(RefusalOf("[node]\nid = 1\nid = 2\n").find("kvnode.toml:"), 0U);
  EXPECT_EQ(RefusalOf("[node]\nid = \n").find("kvnode.toml:2: this is not TOML: "), 0U)
      << RefusalOf("[node]\nid = \n");
  EXPECT_EQ(RefusalOf("\n\n[node\n").find("kvnode.toml:3: this is not TOML: "), 0U)
      << RefusalOf("\n\n[node\n");
  const auto missing = LoadConfig((directory_ / "missing.toml").string());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("missing.toml"), std::string::npos);
}

TEST_F(ConfigFiles, RefuseWhatIsNotUtf8AtItsLine) {
  for (const std::string text :
       {"\xF3\xFF\xFF\xFF", "\x80", "\xC0\xAF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    const std::string refusal = RefusalOf("[node]\nrack = '" + text + "'\n");
    EXPECT_EQ(refusal, "kvnode.toml:2: this is not UTF-8") << Escaped(text);
    EXPECT_EQ(RefusalOf("[node]\nid = 1\n#" + text), "kvnode.toml:3: this is not UTF-8");
  }
  EXPECT_EQ(
      RefusalOf("# \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF\n"
                "[node]\nid = x\n")
          .find("kvnode.toml:3: this is not TOML: "),
      0U);
}

TEST(ConfigTable, EveryOptionIsExplainedOnceWithADefaultInItsLimits) {
  std::map<std::string_view, int> names;
  for (const ConfigOption& option : ConfigOptions()) {
    EXPECT_EQ(++names[option.name], 1) << option.name;
    EXPECT_EQ(FindConfigOption(option.name), &option);
    EXPECT_GT(option.prose.size(), 20U) << option.name;
    EXPECT_TRUE(option.prose.ends_with('.')) << option.name;
    if (const auto* number = std::get_if<int64_t Config::*>(&option.field)) {
      EXPECT_LT(option.min, option.max) << option.name;
      EXPECT_GE(Config().*(*number), option.min) << option.name;
      EXPECT_LE(Config().*(*number), option.max) << option.name;
    }
  }
}

// What is delivered is what the program says, and with every "#" before an option taken away it
// still is the defaults.
TEST_F(ConfigFiles, OfThePackageHoldsEveryOptionAtItsDefault) {
  const std::string sample = ContentOf(METARING_SOURCE_DIR "/packaging/kvnode.toml");
  EXPECT_EQ(sample, SampleConfig()) << "write it anew: kvnode --sample-config";
  const std::string live = std::regex_replace(sample, std::regex("\n#(\\w+ = )"), "\n$1");
  const auto loaded = Load(live);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const ConfigOption& option : ConfigOptions()) {
    EXPECT_EQ(ConfigValueText(option, loaded->config), ConfigValueText(option, Config()))
        << option.name;
    EXPECT_TRUE(loaded->places.contains(option.name)) << option.name;
  }
}

}  // namespace
}  // namespace metaring::server
