// SPDX-License-Identifier: Apache-2.0
//
// The embedded form on a disk that crashes: whatever was answered is there afterwards, whole.
#include <gtest/gtest.h>

#include <map>

#include "kvnode/base/random.h"
#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::client {
namespace {

TEST(EmbeddedCrash, AcknowledgedTransactionsSurviveEveryCrash) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    sim::SimDisk disk;
    ManualClock clock;
    std::map<Bytes, Bytes> model;
    for (int life = 0; life < 6; ++life) {
      auto opened = OpenEmbeddedOn(store::NewMemoryStore(), disk, {}, clock);
      ASSERT_TRUE(opened) << opened.error().message;
      if (life == 0) {
        ASSERT_TRUE((*opened)->Create("ks", {}));
      }
      auto kv = std::move(*(*opened)->Open("ks"));
      std::map<Bytes, Bytes> stored;
      const auto page = kv->Scan({});
      for (const ScanItem& item : page->items) stored[item.key] = item.record.value;
      ASSERT_EQ(stored, model);
      for (uint64_t n = random.Below(20); n > 0; --n) {
        const Bytes key = "k" + std::to_string(random.Below(10));
        const Bytes value(random.Below(3000), static_cast<char>('a' + random.Below(26)));
        if (random.OneIn(4)) {
          ASSERT_TRUE(kv->Delete(key));
          model.erase(key);
        } else {
          ASSERT_TRUE(kv->Put(key, value));
          model[key] = value;
        }
      }
      kv.reset();
      opened->reset();
      disk.Crash(random);
    }
  }
}

}  // namespace
}  // namespace metaring::client
