// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fusefs/ops/test_volume.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "kvnode/base/check.h"

namespace metaring::fusefs {
namespace {

constexpr char kKeyspace[] = "default";

template <typename T>
T Must(Result<T> result) {
  if (!result) fprintf(stderr, "%s\n", result.error().message.c_str());
  CHECK(result.has_value());
  return std::move(*result);
}

std::string MakeTemporaryDirectory() {
  std::string path = std::filesystem::temp_directory_path() / "metaring-ops-XXXXXX";
  CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

}  // namespace

TestVolume::TestVolume(const VolumeOptions& options, TestStore store) {
  if (store == TestStore::kMemory) {
    embedded_ = Must(client::OpenEmbeddedOn(store::NewMemoryStore(), disk_, {}, clock_));
  } else {
    directory_ = MakeTemporaryDirectory();
    client::EmbeddedOptions on_disk;
    on_disk.store.overlay_bytes_max = 1 << 20;  // so that reads meet flushed state too
    embedded_ = Must(client::OpenEmbedded(directory_ + "/store", on_disk, clock_));
  }
  CHECK(embedded_->Create(kKeyspace, {}).has_value());
  kv_ = Must(embedded_->Open(kKeyspace));
  volume_ = Must(FormatVolume(*kv_, options, clock_));
  inos_ = std::make_unique<InoAllocator>(*kv_);
  ctx_ = std::make_unique<Context>(Context{*kv_, volume_, *inos_, clock_});
}

TestVolume::~TestVolume() {
  kv_.reset();
  embedded_.reset();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

Time TestVolume::Tick() {
  clock_.Advance(1'000'000'000);
  return TimeFromNanos(clock_.WallNanos());
}

size_t TestVolume::CountKeys(const Bytes& prefix) {
  size_t count = 0;
  client::ScanRequest scan;
  scan.begin = prefix;
  scan.keys_only = true;
  do {
    client::ScanPage page = Must(kv_->Scan(scan));
    count += page.items.size();
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return count;
}

Node TestVolume::MakeFile(std::string name, Ino parent, uint32_t mode) {
  MakeRequest request;
  request.parent = parent;
  request.name = std::move(name);
  request.mode = S_IFREG | mode;
  return Must(Make(*ctx_, request));
}

Node TestVolume::MakeDirectory(std::string name, Ino parent, uint32_t mode) {
  MakeRequest request;
  request.parent = parent;
  request.name = std::move(name);
  request.mode = S_IFDIR | mode;
  return Must(Make(*ctx_, request));
}

Bytes TestVolume::Read(const Node& node) {
  return Must(ReadAll(*ctx_, node));
}

Node TestVolume::Write(const Node& node, int64_t offset, const Bytes& data) {
  return Must(WriteAt(*ctx_, node, offset, data));
}

Result<Bytes> ReadAll(const Context& ctx, const Node& node) {
  Bytes content(static_cast<size_t>(node.inode.size), '\0');
  ASSIGN_OR_RETURN(const auto blocks, ReadBlocks(ctx, node, 0, UINT64_MAX));
  for (const Block& block : blocks) {
    const size_t start = block.index * ctx.volume.options.block_bytes;
    CHECK(start + block.data.size() <= content.size());
    content.replace(start, block.data.size(), block.data);
  }
  return content;
}

Result<Node> WriteAt(const Context& ctx, const Node& node, int64_t offset, const Bytes& data) {
  const size_t block_bytes = ctx.volume.options.block_bytes;
  const size_t begin = static_cast<size_t>(offset);
  const size_t end = begin + data.size();
  WriteBackRequest request;
  request.ref = node.ref();
  request.size = std::max<int64_t>(node.inode.size, static_cast<int64_t>(end));
  const uint64_t first = begin / block_bytes;
  const uint64_t count = data.empty() ? 0 : (end - 1) / block_bytes - first + 1;
  ASSIGN_OR_RETURN(const auto old, ReadBlocks(ctx, node, first, count));
  for (uint64_t index = first; index < first + count; ++index) {
    Block block{index, {}};
    for (const Block& one : old) {
      if (one.index == index) block.data = one.data;
    }
    const size_t start = index * block_bytes;
    const size_t from = std::max(begin, start);
    const size_t to = std::min(end, start + block_bytes);
    if (block.data.size() < to - start) block.data.resize(to - start);
    block.data.replace(from - start, to - from, data, from - begin, to - from);
    request.blocks.push_back(std::move(block));
  }
  return WriteBack(ctx, request);
}

}  // namespace metaring::fusefs
