// SPDX-License-Identifier: Apache-2.0
//
// records: what is read back from the log and the store, and the records of a filesystem. Whatever
// decodes is encoded and decoded again, to the same.
//
//   input = decoder(u8, modulo) bytes
#include <array>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "kvnode/base/check.h"
#include "kvnode/state/codec.h"
#include "kvnode/state/layout.h"
#include "kvnode/state/machine.h"
#include "kvnode/state/outcomes.h"
#include "tests/fuzz/fuzz_target.h"

namespace metaring::fuzz {
namespace {

using state::Codec;

constexpr char kStoreKey[] = "\0\0\0\0\0\1dkey";
const ByteView kKey(kStoreKey, sizeof(kStoreKey) - 1);

void TryStored(ByteView raw) {
  const auto stored = state::DecodeStored(kKey, raw);
  if (!stored) return;
  if (stored->chunked) {
    Ended(state::DecodeHead(kKey, *stored));
    return;
  }
  Ended(state::Decode(stored->codec, stored->payload));
  const Bytes again = state::EncodeStored(kKey, stored->version, stored->codec, stored->payload);
  const auto back = state::DecodeStored(kKey, again);
  CHECK(back && back->version == stored->version && back->payload == stored->payload);
}

// The checksum holds what a fuzzer cannot guess, so here it is right.
void TryPayload(ByteView raw) {
  Reader reader(raw);
  const auto codec = static_cast<Codec>(reader.U8() % 2);
  const Bytes plain = state::EncodeStored(kKey, reader.Varint(), codec, reader.rest());
  TryStored(plain);
}

void TryCommand(ByteView raw) {
  const auto command = state::DecodeCommand(raw);
  if (!command) return;
  const Bytes again = std::visit(
      [&](const auto& body) {
        return state::EncodeCommand(command->scope, command->log_time_nanos, body);
      },
      command->body);
  const auto back = state::DecodeCommand(again);
  CHECK(back && back->body.index() == command->body.index());
  CHECK(back->log_time_nanos == command->log_time_nanos);
}

void TryOutcomes(ByteView raw) {
  const auto outcomes = state::DecodeOutcomes(raw);
  if (!outcomes) return;
  const auto back = state::DecodeOutcomes(state::EncodeOutcomes(*outcomes));
  CHECK(back && back->kept.size() == outcomes->kept.size() && back->floor == outcomes->floor);
}

void TryZstd(ByteView raw) {
  const auto decoded = state::Decode(Codec::kZstd, raw);
  CHECK(!decoded || decoded->size() <= state::kValueBytesMax);
  if (decoded) CHECK(state::ValidateEncoded(Codec::kZstd, raw));
}

void TryInode(ByteView raw) {
  const auto inode = fusefs::DecodeInode(raw);
  if (!inode) return;
  const Bytes again = fusefs::EncodeInode(*inode);
  const auto back = fusefs::DecodeInode(again);
  CHECK(back && fusefs::EncodeInode(*back) == again);
}

void TryEntry(ByteView raw) {
  const auto entry = fusefs::DecodeEntry(raw);
  if (!entry) return;
  const Bytes again = entry->inode ? fusefs::EncodeEntry(*entry->inode)
                                   : fusefs::EncodeReference(entry->ino, entry->type);
  const auto back = fusefs::DecodeEntry(again);
  CHECK(back && back->ino == entry->ino && back->type == entry->type);
}

void TryDirectory(ByteView raw) {
  const auto header = fusefs::DecodeDirectory(raw);
  if (!header) return;
  const Bytes again = fusefs::EncodeDirectory(*header);
  const auto back = fusefs::DecodeDirectory(again);
  CHECK(back && fusefs::EncodeDirectory(*back) == again);
}

void TryVolume(ByteView raw) {
  const auto volume = fusefs::DecodeVolume(raw);
  if (!volume || volume->read_only) return;
  CHECK(fusefs::DecodeVolume(fusefs::EncodeVolume(*volume)));
}

void TryKeys(ByteView raw) {
  using namespace fusefs::keys;  // NOLINT(google-build-using-namespace): all of them are tried
  const Bytes rest(raw);
  if (const auto under = ParseUnder(raw)) ParseBeside(under->rest);
  ParseEntry(fusefs::kRootIno, EntryPrefix(fusefs::kRootIno) + rest);
  ParseDirectoryCounter(fusefs::kRootIno, Header(fusefs::kRootIno) + rest);
  const Bytes xattrs = LargeXattrPrefix(fusefs::kRootIno, fusefs::Ino(9));
  ParseLargeXattr(xattrs, xattrs + rest);
  ParseBlock(raw);
  ParseOrphan(raw);
  ParseReclaim(raw);
}

constexpr std::array kDecoders = {TryStored, TryPayload, TryCommand,   TryOutcomes, TryZstd,
                                  TryInode,  TryEntry,   TryDirectory, TryVolume,   TryKeys};

Bytes For(char decoder, ByteView raw) {
  return Bytes(1, decoder) + Bytes(raw);
}

fusefs::Inode SomeInode() {
  fusefs::Inode inode;
  inode.ino = fusefs::Ino(12345);
  inode.mode = S_IFREG | 0644;
  inode.size = 777;
  inode.mtime = {1'700'000'000, 5};
  inode.xattrs["user.colour"] = "blue";
  return inode;
}

std::vector<Bytes> FilesystemSeeds() {
  fusefs::Inode link = SomeInode();
  link.mode = S_IFLNK | 0777;
  link.symlink_target = "../there";
  fusefs::DirectoryHeader header;
  header.parent = fusefs::kRootIno;
  header.name = "etc";
  header.mode = S_IFDIR | 0755;
  header.xattrs["user.x"] = "y";
  fusefs::Volume volume;
  volume.id = "0123456789abcdef";
  return {For(5, fusefs::EncodeInode(SomeInode())),
          For(5, fusefs::EncodeInode(link)),
          For(6, fusefs::EncodeEntry(SomeInode())),
          For(6, fusefs::EncodeReference(fusefs::Ino(7), S_IFDIR)),
          For(7, fusefs::EncodeDirectory(header)),
          For(8, fusefs::EncodeVolume(volume)),
          For(9, fusefs::keys::Block(fusefs::Ino(7), 1, 3)),
          For(9, fusefs::keys::Orphan(fusefs::Ino(7)))};
}

}  // namespace

void RunInput(ByteView input) {
  if (input.empty()) return;
  kDecoders[static_cast<uint8_t>(input[0]) % kDecoders.size()](input.substr(1));
}

std::vector<Bytes> Seeds() {
  const state::Scope scope{SlotId(3), KeyspaceId(1)};
  state::Transaction transaction;
  transaction.compares.resize(1);
  transaction.compares[0].kind = state::Compare::Kind::kVersion;
  transaction.compares[0].key = "k";
  transaction.compares[0].version = 4;
  transaction.then_ops.resize(2);
  transaction.then_ops[0].key = "k";
  transaction.then_ops[0].value = "v";
  transaction.then_ops[1].kind = state::Op::Kind::kAdd;
  transaction.then_ops[1].delta = -1;
  transaction.request_id = state::RequestId{5, 2, 1};
  state::Publish publish;
  publish.key = "large";
  publish.head = {77, 3, 1'500'000};
  state::ClientOutcomes outcomes;
  outcomes.Add({4, true, 9, 0}, 3);
  outcomes.Add({6, false, 0, 2}, 3);
  std::vector<Bytes> all = {For(0, state::EncodeStored(kKey, 7, Codec::kNone, "hi")),
                            For(0, state::EncodeStoredHead(kKey, 7, Codec::kNone, {1, 2, 600'000})),
                            For(1, Bytes("\1\7", 2) + state::Compress(Bytes(300, 'z')).value),
                            For(2, state::EncodeCommand(scope, 5, transaction)),
                            For(2, state::EncodeCommand(scope, 5, state::StageChunk{9, 1, "data"})),
                            For(2, state::EncodeCommand(scope, 5, publish)),
                            For(3, state::EncodeOutcomes(outcomes)),
                            For(4, state::Compress(Bytes(3000, 'q')).value)};
  const std::vector<Bytes> more = FilesystemSeeds();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace metaring::fuzz
