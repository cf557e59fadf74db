// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/dev_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "kvnode/client/client_config.h"
#include "kvnode/client/remote_admin.h"
#include "kvnode/ctl/process.h"
#include "kvnode/rpc/certificates.h"

namespace metaring::ctl {
namespace {

namespace fs = std::filesystem;

constexpr int kDays = 3650;
constexpr std::chrono::seconds kStartMax{60};
constexpr std::chrono::seconds kEndMax{60};
constexpr std::chrono::milliseconds kTry{500};
constexpr size_t kLogTailMax = 400;
constexpr const char* kMark = "metaring-dev";

// A descriptor of its own: the lock of a cluster that is changed, a socket that keeps its port.
class HeldFile {
 public:
  explicit HeldFile(int fd) : fd_(fd) {}
  ~HeldFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  HeldFile(HeldFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HeldFile& operator=(HeldFile&&) = delete;
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;

  static Result<HeldFile> Lock(const std::string& file) {
    HeldFile lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.fd_ < 0) return Fail(ErrnoError(errno, "open " + file));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    return Fail(ErrorCode::kBusy, "another kvctl dev is at work on " + file);
  }

 private:
  int fd_;
};

// Whole or not at all under its name.
Status WriteText(const std::string& file, const std::string& text) {
  const std::string fresh = file + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Fail(ErrorCode::kIo, fresh + " cannot be written");
  if (::rename(fresh.c_str(), file.c_str()) != 0) return Fail(ErrnoError(errno, "rename " + fresh));
  return {};
}

Status MakePrivate(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error) fs::permissions(directory, fs::perms::owner_all, error);
  if (error) return Fail(ErrnoError(error.value(), "make directory " + directory));
  return {};
}

// Ports on loopback that nobody has now: held together while they are asked for, so that they
// differ. Another program may take one before the node does; then the node's start says so.
Result<std::vector<uint16_t>> FreePorts(size_t count) {
  std::vector<uint16_t> ports;
  std::vector<HeldFile> held;
  for (size_t i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Fail(ErrnoError(errno, "socket"));
    held.emplace_back(fd);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, plain, length) != 0 || ::getsockname(fd, plain, &length) != 0) {
      return Fail(ErrnoError(errno, "bind a free port"));
    }
    ports.push_back(ntohs(address.sin_port));
  }
  return ports;
}

Status MakeCertificates(const std::string& pki) {
  const auto files = [&](const std::string& base) {
    return rpc::CertificateFiles{pki + "/" + base + ".crt", pki + "/" + base + ".key"};
  };
  RETURN_IF_ERROR(rpc::CreateCa("Metaring-dev-CA", kDays, files("ca"), /*overwrite=*/true));
  const auto make = [&](rpc::Role role, const std::string& name) {
    rpc::CertificateRequest request;
    request.identity = {role, name};
    if (role == rpc::Role::kNode) request.names = {"127.0.0.1", "localhost"};
    request.days_valid = kDays;
    return rpc::CreateCertificate(files("ca"), request, files(name), /*overwrite=*/true);
  };
  RETURN_IF_ERROR(make(rpc::Role::kNode, "node-1"));
  RETURN_IF_ERROR(make(rpc::Role::kAdmin, "admin"));
  return make(rpc::Role::kClient, kDevClient);
}

std::string NodeConfigText(const std::vector<uint16_t>& ports) {
  return fmt::format(
      "# Made by `kvctl dev up`, which does not change it again.\n"
      "[node]\ndata_directory = \"data\"\nid = 1\n\n"
      "[listen]\nclients = \"127.0.0.1:{}\"\nnodes = \"127.0.0.1:{}\"\n\n"
      "[tls]\nca = \"../pki/ca.crt\"\ncertificate = \"../pki/node-1.crt\"\n"
      "key = \"../pki/node-1.key\"\n",
      ports[0], ports[1]);
}

std::string ClientConfigText(uint16_t port, const char* name) {
  return fmt::format(
      "# Made by `kvctl dev up`.\n"
      "endpoints = [\"127.0.0.1:{0}\"]\nca = \"pki/ca.crt\"\ncert = \"pki/{1}.crt\"\n"
      "key = \"pki/{1}.key\"\n",
      port, name);
}

// What the node's process was started with, but for where the program is.
bool IsNode(const std::vector<std::string>& command, const DevNode& node) {
  return command.size() == 3 && fs::path(command[0]).filename() == "kvnode" &&
         command[1] == "--config" && command[2] == node.config_file;
}

std::optional<pid_t> ReadPid(const std::string& file) {
  std::ifstream in(file);
  pid_t pid = 0;
  return in >> pid && pid > 0 ? std::optional<pid_t>(pid) : std::nullopt;
}

std::string LastLineOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string last;
  for (std::string line; std::getline(in, line);) last = std::move(line);
  return Escaped(last, kLogTailMax);
}

}  // namespace

Status DevCluster::Make() const {
  for (const char* part : {"pki", "node-1"}) RETURN_IF_ERROR(MakePrivate(Path(part)));
  RETURN_IF_ERROR(MakeCertificates(Path("pki")));
  ASSIGN_OR_RETURN(const std::vector<uint16_t> ports, FreePorts(2));
  RETURN_IF_ERROR(WriteText(admin_config(), ClientConfigText(ports[0], "admin")));
  RETURN_IF_ERROR(WriteText(client_config(), ClientConfigText(ports[0], kDevClient)));
  return WriteText(Path("node-1/kvnode.toml"), NodeConfigText(ports));
}

Result<DevNode> DevCluster::Look() const {
  DevNode node;
  node.config_file = Path("node-1/kvnode.toml");
  node.log_file = Path("node-1/kvnode.log");
  if (::access(node.config_file.c_str(), F_OK) != 0) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("there is no cluster in {}: kvctl dev up makes one", directory_));
  }
  ASSIGN_OR_RETURN(const client::ClientConfig config, client::LoadClientConfig(admin_config()));
  if (config.endpoints.empty()) {
    return Fail(ErrorCode::kInvalidArgument, admin_config() + ": has no endpoints");
  }
  node.endpoint = config.endpoints[0].ToString();
  node.pid = ReadPid(Path("node-1/pid"));
  if (node.pid && !IsNode(CommandLineOf(*node.pid), node)) node.pid.reset();
  return node;
}

Result<pid_t> DevCluster::Start(const DevNode& node) const {
  ASSIGN_OR_RETURN(
      const pid_t pid,
      StartDetached({SiblingProgram("kvnode"), "--config", node.config_file}, node.log_file));
  RETURN_IF_ERROR(WriteText(Path("node-1/pid"), fmt::format("{}\n", pid)));
  return pid;
}

Status DevCluster::AwaitAnswer(const DevNode& node) const {
  ASSIGN_OR_RETURN(const client::ClientConfig config, client::LoadClientConfig(admin_config()));
  ASSIGN_OR_RETURN(const client::RemoteOptions options, client::RemoteOptionsOf(config));
  ASSIGN_OR_RETURN(const auto cluster, client::RemoteCluster::Open(options));
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  for (;;) {
    const auto hello = cluster->Connect(kTry);
    if (hello) break;
    if (HasEnded(*node.pid)) {
      return Fail(ErrorCode::kUnavailable, fmt::format("kvnode has ended; {}: {}", node.log_file,
                                                       LastLineOf(node.log_file)));
    }
    if (std::chrono::steady_clock::now() > deadline) return Fail(hello.error());
  }
  return client::RemoteAdmin(*cluster).SetGrant({kDevClient, "*", client::Access::kWrite},
                                                cluster->DefaultDeadline());
}

Result<bool> DevCluster::Up() const {
  std::error_code error;
  const bool foreign =
      !fs::exists(Path(kMark)) && fs::exists(directory_, error) && !fs::is_empty(directory_, error);
  if (foreign) {
    return Fail(ErrorCode::kExists, directory_ + " holds something that kvctl dev did not make");
  }
  RETURN_IF_ERROR(MakePrivate(directory_));
  ASSIGN_OR_RETURN(const HeldFile lock, HeldFile::Lock(Path(kMark)));
  auto node = Look();
  if (!node && node.error().code == ErrorCode::kNotFound) {
    RETURN_IF_ERROR(Make());
    node = Look();
  }
  if (!node) return Fail(node.error());
  const bool start = !node->pid;
  if (start) {
    ASSIGN_OR_RETURN(node->pid, Start(*node));
  }
  RETURN_IF_ERROR(AwaitAnswer(*node));
  return start;
}

Result<bool> DevCluster::Down() const {
  RETURN_IF_ERROR(Look());
  ASSIGN_OR_RETURN(const HeldFile lock, HeldFile::Lock(Path(kMark)));
  ASSIGN_OR_RETURN(const DevNode node, Look());
  if (!node.pid) return false;
  const auto command = CommandLineOf(*node.pid);
  if (IsNode(command, node)) RETURN_IF_ERROR(Terminate(*node.pid, command, kEndMax));
  return true;
}

}  // namespace metaring::ctl
