// SPDX-License-Identifier: Apache-2.0
//
// XattrSet: all extended attributes of one object, small ones (in its record) and large ones
// (beside it), as a value that is loaded, changed and stored again.
#ifndef METARING_FUSEFS_OPS_XATTR_SET_H_
#define METARING_FUSEFS_OPS_XATTR_SET_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

// In the record lie values up to the first, and names and values of all of them up to the second.
inline constexpr size_t kSmallXattrBytesMax = 256;
inline constexpr size_t kSmallXattrsTotalBytesMax = 1024;

// One caller.
class XattrSet {
 public:
  XattrSet() = default;
  // One scan when the object has large ones, else no read.
  static Result<XattrSet> Load(const Context& ctx, const Stored& stored);

  // Nothing when there is none; valid until the next change.
  const Bytes* Find(std::string_view name) const;
  // kNoSpace over kXattrTotalBytesMax, kXattrListBytesMax or kXattrCountMax; then nothing is
  // changed.
  Status Set(const std::string& name, Bytes value);
  // Whether there was one.
  bool Remove(const std::string& name);
  std::vector<std::string> Names() const;

  // Sets the object's small ones and its flag, and adds what changed of the large ones to the
  // batch.
  void Store(Batch& batch, Ino home, Inode& inode) const;

 private:
  std::map<std::string, Bytes, std::less<>> small_;
  std::map<std::string, Bytes, std::less<>> large_;
  std::set<std::string> changed_large_;  // put or removed since Load
};

// The value of one name, with no more reads than it needs.
Result<std::optional<Bytes>> LoadXattr(const Context& ctx, const Stored& stored,
                                       std::string_view name);

// The keys beside a file and, for a move, what is in them.
Result<std::vector<client::ScanItem>> LoadLargeXattrs(const Context& ctx, const Stored& stored,
                                                      bool keys_only);

// kOutOfRange for the name's length, kUnsupported for its namespace, kInvalidArgument for a
// namespace without a name.
Status CheckXattrName(std::string_view name);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_XATTR_SET_H_
