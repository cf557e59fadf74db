// SPDX-License-Identifier: Apache-2.0
//
// Records to bytes and back (thrift/records.thrift, compact protocol). The only file pair that
// knows of Thrift. Decoding never throws and never trusts: limits are set on every string and
// container, and what does not hold together (an unknown type, a negative size, a name with a
// slash) is kCorrupt. Thread-safe; each thread keeps one encoder and one decoder.
#ifndef METARING_FUSEFS_META_CODEC_H_
#define METARING_FUSEFS_META_CODEC_H_

#include "fusefs/meta/inode.h"
#include "fusefs/meta/records.h"
#include "fusefs/meta/volume.h"
#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs {

Bytes EncodeInode(const Inode& inode);
Result<Inode> DecodeInode(ByteView raw);

// An entry with the inode in it.
Bytes EncodeEntry(const Inode& inode);
// A reference to a directory, or to an inode with a place of its own. `type`: S_IFMT bits.
Bytes EncodeReference(Ino ino, uint32_t type);
Result<EntryRecord> DecodeEntry(ByteView raw);

Bytes EncodeDirectory(const DirectoryHeader& header);
Result<DirectoryHeader> DecodeDirectory(ByteView raw);

Bytes EncodeVolume(const Volume& volume);
// kFormatMismatch for features that this version must not meet; Volume::read_only for those that it
// may only read.
Result<Volume> DecodeVolume(ByteView raw);

// "" , "." and "..", a slash, a NUL and more than kNameBytesMax are not names of entries.
bool IsEntryName(std::string_view name);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_META_CODEC_H_
