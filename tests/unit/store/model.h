// SPDX-License-Identifier: Apache-2.0
//
// What the store's tests share: the model that a store must equal, keys that are hard for it, and a
// directory that goes away with the test.
#ifndef METARING_TESTS_UNIT_STORE_MODEL_H_
#define METARING_TESTS_UNIT_STORE_MODEL_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kvnode/base/random.h"
#include "kvnode/store/store.h"

namespace metaring::store {

using Model = std::map<Bytes, Bytes>;

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "store_test_XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Around the borders of the chunks that long keys are cut into, few enough to meet again and again:
// equal prefixes of 508 to 512 bytes and of several chunks, one key a prefix of another, bytes 0x00
// and 0xff where the chunks meet.
inline Bytes HardKey(Random& random) {
  static constexpr size_t kLengths[] = {1,   2,    508,  509,  510,  511,  512,
                                        513, 1009, 1010, 1011, 1012, 1511, 4000};
  static constexpr char kFill[] = {'\0', 'a', '\xff'};
  const size_t length = kLengths[random.Below(std::size(kLengths))];
  Bytes key(length, kFill[random.Below(3)]);
  // A few other bytes at the end or at the end of a chunk.
  for (uint64_t changes = random.Below(3); changes > 0; --changes) {
    const size_t back = random.Below(4);
    const size_t border = random.OneIn(2) ? length : 509;
    if (border > back && border - back - 1 < length) {
      key[border - back - 1] = kFill[random.Below(3)];
    }
  }
  return key;
}

inline Bytes AnyValue(Random& random, size_t bytes_max) {
  Bytes value(random.Below(bytes_max + 1), static_cast<char>(random.Next()));
  if (value.size() >= 8) {
    const uint64_t mark = random.Next();
    value.replace(value.size() - 8, 8, reinterpret_cast<const char*>(&mark), 8);
  }
  return value;
}

// Everything that a cursor gives from `begin` on.
inline Model Scan(const View& view, ByteView begin = {}) {
  Model found;
  const auto cursor = view.NewCursor();
  Bytes last;
  for (cursor->Seek(begin); cursor->Valid(); cursor->Next()) {
    EXPECT_TRUE(found.empty() || last < cursor->key()) << "out of order";
    last = cursor->key();
    found.emplace(cursor->key(), cursor->value());
  }
  EXPECT_TRUE(cursor->status().has_value());
  return found;
}

inline Bytes GetOr(const View& view, ByteView key, const Bytes& otherwise) {
  const auto value = view.Get(key);
  EXPECT_TRUE(value.has_value());
  return value && *value ? **value : otherwise;
}

inline std::unique_ptr<View> ViewOf(const Store& store) {
  auto view = store.NewView();
  EXPECT_TRUE(view.has_value()) << view.error().message;
  return std::move(*view);
}

inline std::unique_ptr<Txn> BeginOf(Store& store) {
  auto txn = store.Begin();
  EXPECT_TRUE(txn.has_value()) << txn.error().message;
  return std::move(*txn);
}

inline std::unique_ptr<Store> OpenAt(const std::string& path, const StoreOptions& options = {}) {
  auto store = OpenLmdbStore(path, options);
  EXPECT_TRUE(store.has_value()) << store.error().message;
  return std::move(*store);
}

inline void PutOne(Store& store, ByteView key, ByteView value) {
  auto txn = BeginOf(store);
  txn->Put(key, value);
  txn->Commit(store.applied() + 1);
}

}  // namespace metaring::store

#endif  // METARING_TESTS_UNIT_STORE_MODEL_H_
