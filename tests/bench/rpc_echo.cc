// SPDX-License-Identifier: Apache-2.0
//
// rpc_echo: what the transport alone can do: server and client in one process, over TLS or plain
// text, CONNECTIONS x IN_FLIGHT requests at a time, each a Thrift struct that is encoded, decoded
// and sent back. With --idle N it measures instead what N connections that do nothing cost each
// side, which are then two processes.
#include <Echo.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <Echo.tcc>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <echo_types.tcc>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/ctl/histogram.h"
#include "kvnode/rpc/certificates.h"
#include "kvnode/rpc/channel.h"
#include "kvnode/rpc/server.h"

namespace metaring::rpc {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  unsigned connections = 2;
  unsigned in_flight = 64;
  unsigned payload_bytes = 200;
  double seconds = 3;
  unsigned server_threads = 1;
  unsigned client_threads = 1;
  bool plain = false;
  unsigned idle = 0;
};

// Ends the program with a message: a benchmark has nobody to report to.
void Need(const Status& status) {
  if (status) return;
  fmt::print(stderr, "rpc_echo: {}\n", status.error().message);
  std::exit(1);
}

// A directory with a CA, a node and a client; gone with the object.
class Pki {
 public:
  Pki() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rpc_echo-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    const CertificateFiles ca = FilesOf("ca");
    Need(CreateCa("bench", 1, ca, false));
    for (const Role role : {Role::kNode, Role::kClient}) {
      const CertificateRequest request{{role, "bench"}, {"127.0.0.1"}, 1};
      Need(CreateCertificate(ca, request, FilesOf(RoleName(role)), false));
    }
  }
  ~Pki() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  TlsOptions OptionsOf(Role role) const {
    const CertificateFiles own = FilesOf(RoleName(role));
    return {FilesOf("ca").certificate_file, own.certificate_file, own.key_file, "", false};
  }

 private:
  CertificateFiles FilesOf(std::string_view name) const {
    return {fmt::format("{}/{}.crt", directory_, name), fmt::format("{}/{}.key", directory_, name)};
  }

  std::string directory_;
};

std::unique_ptr<Dispatcher> MakeHandler() {
  auto handler = std::make_unique<Dispatcher>([](ByteView, const Error&) { return Bytes(); });
  handler->Add<echo::Echo_echo_args>("echo", [](Call call, echo::Echo_echo_args& arguments) {
    echo::Echo_echo_result result;
    result.success.payload = std::move(arguments.request.payload);
    result.success.__isset.payload = true;
    result.__isset.success = true;
    call.Reply(result);
  });
  return handler;
}

ServerOptions ServerOptionsOf(const Settings& settings, const Pki& pki) {
  ServerOptions options;
  options.threads = settings.server_threads;
  options.allow_insecure_plain_text = settings.plain;
  options.limits.connections_max = settings.connections + settings.idle + 1000;
  options.limits.connections_per_address_max = options.limits.connections_max;
  options.limits.handshakes_max = options.limits.connections_max;
  if (!settings.plain) options.tls = pki.OptionsOf(Role::kNode);
  return options;
}

ChannelOptions ChannelOptionsOf(const Settings& settings, const Pki& pki, uint16_t port) {
  ChannelOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.allow_insecure_plain_text = settings.plain;
  if (!settings.plain) {
    auto context = TlsContext::ForClient(pki.OptionsOf(Role::kClient));
    if (!context) Need(Fail(context.error()));
    options.tls = *context;
  }
  return options;
}

// One connection and its requests, each followed by the next. On the channel's thread, after Start.
class Load {
 public:
  Load(IoThreads& threads, const ChannelOptions& options, const Settings& settings)
      : channel_(threads, options), lanes_(settings.in_flight) {
    arguments_.request.payload.assign(settings.payload_bytes, 'x');
    arguments_.request.__isset.payload = true;
    for (Lane& lane : lanes_) lane.load = this;
  }

  void Start(Clock::time_point end) {
    end_ = end;
    left_ = lanes_.size();
    for (Lane& lane : lanes_) Next(lane);
  }
  void AwaitEnd() { ended_.get_future().wait(); }
  const ctl::Histogram& latencies() const { return latencies_; }

 private:
  struct Lane {
    Load* load = nullptr;
    Clock::time_point began;
  };

  void Next(Lane& lane) {
    lane.began = Clock::now();
    channel_.Call("echo", arguments_, lane.began + std::chrono::seconds(30),
                  [&lane](const Result<ByteView>& reply) { lane.load->Ended(lane, reply); });
  }

  void Ended(Lane& lane, const Result<ByteView>& reply) {
    if (!reply) Need(Fail(reply.error()));
    Need(Decoded<echo::Echo_echo_result>(*reply).status());
    const Clock::time_point now = Clock::now();
    latencies_.Record(static_cast<uint64_t>((now - lane.began).count()));
    if (now < end_) return Next(lane);
    if (--left_ == 0) ended_.set_value();
  }

  Channel channel_;
  echo::Echo_echo_args arguments_;
  std::vector<Lane> lanes_;
  Clock::time_point end_;
  std::atomic<size_t> left_{0};
  std::promise<void> ended_;
  ctl::Histogram latencies_;
};

void MeasureLoad(const Settings& settings) {
  const Pki pki;
  const auto handler = MakeHandler();
  Server server(ServerOptionsOf(settings, pki), *handler);
  Need(server.Start());
  IoThreads threads;
  threads.Start("client", settings.client_threads);
  {
    const ChannelOptions options = ChannelOptionsOf(settings, pki, server.port());
    std::vector<std::unique_ptr<Load>> loads;
    for (unsigned i = 0; i < settings.connections; ++i) {
      loads.push_back(std::make_unique<Load>(threads, options, settings));
    }
    const Clock::time_point start = Clock::now();
    const auto length = std::chrono::duration<double>(settings.seconds);
    for (auto& load : loads) {
      load->Start(start + std::chrono::duration_cast<Clock::duration>(length));
    }
    ctl::Histogram all;
    for (auto& load : loads) {
      load->AwaitEnd();
      all.Merge(load->latencies());
    }
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    fmt::print("{} {} x {} in flight, {} B: {:.0f} ops/s, p50 {:.1f} us, p99 {:.1f} us\n",
               settings.plain ? "plain" : "TLS", settings.connections, settings.in_flight,
               settings.payload_bytes, static_cast<double>(all.count()) / took,
               static_cast<double>(all.Quantile(0.5)) / 1e3,
               static_cast<double>(all.Quantile(0.99)) / 1e3);
  }
  threads.Stop();
  server.Stop(std::chrono::milliseconds(0));
}

uint64_t RssAnonKib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "RssAnon:") continue;
    uint64_t kib = 0;
    status >> kib;
    return kib;
  }
  return 0;
}

// Reads or writes one number over a pipe, between the two processes.
uint64_t Receive(int fd) {
  uint64_t value = 0;
  if (::read(fd, &value, sizeof(value)) != sizeof(value)) std::exit(1);
  return value;
}
void Tell(int fd, uint64_t value) {
  if (::write(fd, &value, sizeof(value)) != sizeof(value)) std::exit(1);
}

// The client's process: one call on each connection, then nothing; says what they cost it.
void HoldIdle(const Settings& settings, const Pki& pki, int from_server, int to_server) {
  const auto port = static_cast<uint16_t>(Receive(from_server));
  IoThreads threads;
  threads.Start("client", settings.client_threads);
  {
    const ChannelOptions options = ChannelOptionsOf(settings, pki, port);
    std::vector<std::unique_ptr<Channel>> channels;
    const uint64_t before = RssAnonKib();
    for (unsigned i = 0; i < settings.idle; ++i) {
      channels.push_back(std::make_unique<Channel>(threads, options));
      std::promise<void> answered;
      echo::Echo_echo_args arguments;
      channels.back()->Call("echo", arguments, Clock::now() + std::chrono::seconds(30),
                            [&](const Result<ByteView>& reply) {
                              if (!reply) Need(Fail(reply.error()));
                              answered.set_value();
                            });
      answered.get_future().wait();
    }
    Tell(to_server, RssAnonKib() - before);
    Receive(from_server);
  }
  threads.Stop();
}

void MeasureIdle(const Settings& settings) {
  const Pki pki;
  std::array<int, 2> to_client{};
  std::array<int, 2> to_server{};
  if (::pipe(to_client.data()) != 0 || ::pipe(to_server.data()) != 0) std::exit(1);
  const pid_t client = ::fork();
  if (client == 0) {
    HoldIdle(settings, pki, to_client[0], to_server[1]);
    std::_Exit(0);
  }
  const auto handler = MakeHandler();
  Server server(ServerOptionsOf(settings, pki), *handler);
  Need(server.Start());
  const uint64_t before = RssAnonKib();
  Tell(to_client[1], server.port());
  const uint64_t client_kib = Receive(to_server[0]);
  const uint64_t server_kib = RssAnonKib() - before;
  fmt::print("{} idle connections, KiB of RssAnon each: server {:.1f}, client {:.1f}\n",
             settings.idle, static_cast<double>(server_kib) / settings.idle,
             static_cast<double>(client_kib) / settings.idle);
  Tell(to_client[1], 0);
  ::waitpid(client, nullptr, 0);
  server.Stop(std::chrono::milliseconds(0));
}

int Main(int argc, char** argv) {
  Settings settings;
  CLI::App app("What the RPC transport alone can do.");
  app.add_option("--connections", settings.connections, "connections")->capture_default_str();
  app.add_option("--in-flight", settings.in_flight, "requests at a time on each")
      ->capture_default_str();
  app.add_option("--bytes", settings.payload_bytes, "payload of a request and of its answer")
      ->capture_default_str();
  app.add_option("--seconds", settings.seconds, "how long")->capture_default_str();
  app.add_option("--server-threads", settings.server_threads, "")->capture_default_str();
  app.add_option("--client-threads", settings.client_threads, "")->capture_default_str();
  app.add_flag("--plain", settings.plain, "without TLS");
  app.add_option("--idle", settings.idle, "measure so many idle connections instead");
  CLI11_PARSE(app, argc, argv);
  if (settings.idle > 0) {
    MeasureIdle(settings);
  } else {
    MeasureLoad(settings);
  }
  return 0;
}

}  // namespace
}  // namespace metaring::rpc

int main(int argc, char** argv) {
  return metaring::rpc::Main(argc, argv);
}
