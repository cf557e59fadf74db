// SPDX-License-Identifier: Apache-2.0
//
// An address book in a keyspace of Metaring. usage: address_book CONFIG KEYSPACE [VOLUME]
#include <metaring/metaring.h>

#include <cstdio>
#include <future>
#include <string>

namespace {

int Failed(const char* what, const metaring::Error& error) {
  std::fprintf(stderr, "%s: %s (%s)\n", what, error.message.c_str(),
               std::string(metaring::ErrorCodeName(error.code)).c_str());
  return 1;
}

// Adds a person unless there is one of that name, and counts: both or neither.
int AddPerson(metaring::Keyspace& book, const std::string& name, const std::string& address) {
  const auto reply = book.Commit(metaring::Transaction()
                                     .IfAbsent("person/" + name)
                                     .Put("person/" + name, address)
                                     .Add("count", 1)
                                     .ElseRead("person/" + name));
  if (!reply) return Failed("commit", reply.error());
  if (!reply->succeeded) {
    std::printf("%s is there already: %s\n", name.c_str(), reply->reads[0]->value.c_str());
  }
  return 0;
}

int ShowBook(metaring::Keyspace& book) {
  metaring::ScanRange people = book.Scan({.prefix = "person/"});
  for (const metaring::ScanItem& item : people) {
    std::printf("%s lives at %s\n", item.key.substr(7).c_str(), item.value.c_str());
  }
  if (!people.status()) return Failed("scan", people.status().error());
  const auto count = book.Get("count");
  if (!count) return Failed("get", count.error());
  std::printf("%lld added\n",
              *count ? static_cast<long long>(metaring::NumberOf((*count)->value).value_or(0)) : 0);
  return 0;
}

// Many at a time, without a thread for each.
int PutMany(metaring::Keyspace& book) {
  std::vector<std::future<metaring::Result<uint64_t>>> puts;
  for (int i = 0; i < 100; ++i) {
    puts.push_back(book.Later<uint64_t>(
        [&](auto done) { book.Put("bulk/" + std::to_string(i), "x", std::move(done)); }));
  }
  for (auto& put : puts) {
    if (const auto version = put.get(); !version) return Failed("put", version.error());
  }
  std::printf("100 put at once\n");
  return 0;
}

int ShowFiles(metaring::Client& client, const std::string& name) {
  auto volume = metaring::Volume::Open(client, name);
  if (!volume) return Failed("volume", volume.error());
  if (const auto made = volume->Mkdir("letters");
      !made && made.error().code != metaring::ErrorCode::kExists) {
    return Failed("mkdir", made.error());
  }
  if (const auto set = volume->SetXattr("letters", "user.colour", "blue"); !set) {
    return Failed("setxattr", set.error());
  }
  const auto entries = volume->List("/");
  if (!entries) return Failed("list", entries.error());
  for (const metaring::ListEntry& entry : *entries) {
    std::printf("%06o %s\n", entry.stat.mode, entry.name.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: address_book CONFIG KEYSPACE [VOLUME]\n");
    return 2;
  }
  metaring::ClientOptions options;
  options.config_file = argv[1];
  auto client = metaring::Client::Open(options);
  if (!client) return Failed("open", client.error());
  if (const auto made = client->CreateKeyspace(argv[2]);
      !made && made.error().code != metaring::ErrorCode::kExists) {
    return Failed("create keyspace", made.error());
  }
  auto book = client->OpenKeyspace(argv[2]);
  if (!book) return Failed("keyspace", book.error());
  if (AddPerson(*book, "alice", "1 Main Street") != 0) return 1;
  if (AddPerson(*book, "bob", "2 Main Street") != 0) return 1;
  if (ShowBook(*book) != 0 || PutMany(*book) != 0) return 1;
  return argc > 3 ? ShowFiles(*client, argv[3]) : 0;
}
