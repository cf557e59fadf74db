// SPDX-License-Identifier: Apache-2.0
//
// Who gets through the handshake, and what becomes of those who do not: a TLS alert, and no request
// decoded.
#include "kvnode/rpc/tls.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "kvnode/rpc/channel.h"
#include "kvnode/rpc/openssl_ptr.h"
#include "tests/unit/rpc/echo_call.h"
#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/pki.h"
#include "tests/unit/rpc/raw_client.h"

namespace metaring::rpc {
namespace {

// A PKI with a server, and a client's threads.
class Tls : public ::testing::Test {
 protected:
  Tls() {
    pki_.Issue("node", Role::kNode);
    pki_.Issue("alice", Role::kClient);
    threads_.Start("client", 1);
  }
  ~Tls() override { threads_.Stop(); }

  ServerOptions Options() const {
    ServerOptions options;
    options.tls = pki_.OptionsOf("node");
    return options;
  }
  ChannelOptions To(uint16_t port, std::shared_ptr<const TlsContext> context) const {
    ChannelOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.tls = std::move(context);
    return options;
  }
  Result<Bytes> Ask(uint16_t port, const std::string& client, ByteView payload) {
    Channel channel(threads_, To(port, pki_.ClientContext(client)));
    return EchoCall(channel, Bytes(payload)).Await();
  }

  const Pki pki_;
  IoThreads threads_;
};

// A client that believes anybody and shows what it is told to. Why it got no answer to a request;
// empty when it got one.
std::string TryAnyway(uint16_t port, const CertificateFiles& own, int version = TLS1_3_VERSION) {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  if (!own.certificate_file.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), own.certificate_file.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), own.key_file.c_str(), SSL_FILETYPE_PEM);
  }
  RawClient client(port);
  const SslPtr session(SSL_new(context.get()));
  SSL_set_fd(session.get(), client.fd());
  ERR_clear_error();
  if (SSL_connect(session.get()) != 1) return OpensslReason();
  const Bytes frame = EchoFrame(1, "anyway");
  Bytes answer(frame.size(), '\0');
  SSL_write(session.get(), frame.data(), static_cast<int>(frame.size()));
  if (SSL_read(session.get(), answer.data(), static_cast<int>(answer.size())) <= 0) {
    return OpensslReason();
  }
  return "";
}

// A failure that no retry can change, which says all of these.
void ExpectRejected(const Result<Bytes>& outcome, const std::vector<std::string>& texts) {
  EXPECT_EQ(CodeOf(outcome), ErrorCode::kPermissionDenied);
  if (outcome) return;
  for (const std::string& text : texts) {
    EXPECT_NE(outcome.error().message.find(text), std::string::npos)
        << text << " in: " << outcome.error().message;
  }
}

TEST_F(Tls, TellsTheHandlerWhoAsks) {
  const TestServer server(Options());
  pki_.Issue("root", Role::kAdmin);
  EXPECT_EQ(*Ask(server.port(), "alice", "who"), "client alice");
  EXPECT_EQ(*Ask(server.port(), "root", "who"), "admin root");
  EXPECT_EQ(*Ask(server.port(), "node", "who"), "node node");
}

TEST_F(Tls, MovesLargeValues) {
  const TestServer server(Options());
  const Bytes large(10'000'000, 'l');
  EXPECT_EQ(*Ask(server.port(), "alice", large), large);
}

TEST_F(Tls, RefusesWhoHasNoCertificate) {
  TestServer server(Options());
  EXPECT_NE(TryAnyway(server.port(), {}).find("alert"), std::string::npos);
  EXPECT_EQ(server.server().stats().requests, 0U);
}

TEST_F(Tls, RefusesACertificateOfAnotherCa) {
  TestServer server(Options());
  ASSERT_TRUE(CreateCa("other", 1, pki_.FilesOf("other"), false));
  pki_.Issue("stranger", Role::kClient, "other");
  EXPECT_EQ(TryAnyway(server.port(), pki_.FilesOf("stranger")), "tlsv1 alert unknown ca");
  EXPECT_EQ(TryAnyway(server.port(), pki_.FilesOf("other")), "tlsv1 alert unknown ca");
  EXPECT_EQ(server.server().stats().requests, 0U);
}

TEST_F(Tls, RefusesACertificateThatHasExpiredOrIsNotYetValid) {
  TestServer server(Options());
  pki_.Issue("old", {{Role::kClient, "old"}, {}, 1, 2 * 24 * 60});
  pki_.Issue("early", {{Role::kClient, "early"}, {}, 1, -60});
  EXPECT_EQ(TryAnyway(server.port(), pki_.FilesOf("old")), "sslv3 alert certificate expired");
  EXPECT_NE(TryAnyway(server.port(), pki_.FilesOf("early")).find("alert"), std::string::npos);
  EXPECT_EQ(server.server().stats().requests, 0U);
}

TEST_F(Tls, RefusesACertificateThatIsNobody) {
  TestServer server(Options());
  EXPECT_NE(TryAnyway(server.port(), pki_.FilesOf("ca")).find("alert"), std::string::npos);
  pki_.IssueOdd("nobody", {{"O", "Metaring"}, {"OU", "root"}, {"CN", "alice"}});
  EXPECT_NE(TryAnyway(server.port(), pki_.FilesOf("nobody")).find("alert"), std::string::npos);
  pki_.IssueOdd("somebody", {{"O", "Metaring"}, {"OU", "client"}, {"CN", "alice"}});
  EXPECT_EQ(server.server().stats().requests, 0U);
  EXPECT_EQ(TryAnyway(server.port(), pki_.FilesOf("somebody")), "");
  EXPECT_EQ(server.server().stats().requests, 1U);
}

TEST_F(Tls, RefusesARevokedCertificate) {
  pki_.Issue("bob", Role::kClient);
  ServerOptions options = Options();
  options.tls->crl_file = pki_.PathOf("crl");
  ASSERT_TRUE(Revoke(pki_.FilesOf("ca"), {pki_.PathOf("bob.crt")}, 1, options.tls->crl_file));
  TestServer server(options);
  EXPECT_EQ(TryAnyway(server.port(), pki_.FilesOf("bob")), "sslv3 alert certificate revoked");
  EXPECT_EQ(server.server().stats().requests, 0U);
  EXPECT_EQ(*Ask(server.port(), "alice", "who"), "client alice");
}

TEST_F(Tls, RefusesVersionsBelowTheFloor) {
  TestServer server(Options());
  EXPECT_NE(TryAnyway(server.port(), pki_.FilesOf("alice"), TLS1_2_VERSION).find("alert"),
            std::string::npos);
  ServerOptions lower = Options();
  lower.tls->allow_tls12 = true;
  const TestServer lenient(lower);
  EXPECT_EQ(TryAnyway(lenient.port(), pki_.FilesOf("alice"), TLS1_2_VERSION), "");
  EXPECT_NE(TryAnyway(lenient.port(), pki_.FilesOf("alice"), TLS1_1_VERSION), "");
}

TEST_F(Tls, ClosesWhoSpeaksSomethingElse) {
  TestServer server(Options());
  for (const Bytes& words : {EchoFrame(1, "plain"), Bytes("GET / HTTP/1.1\r\n\r\n"),
                             Bytes("SSH-2.0-OpenSSH_9.2\r\n"), Bytes(1000, '\0')}) {
    RawClient client(server.port());
    ASSERT_TRUE(client.Send(words));
    EXPECT_TRUE(client.AwaitEnd());
  }
  EXPECT_EQ(server.server().stats().requests, 0U);
}

TEST_F(Tls, ClosesAHandshakeThatTakesTooLong) {
  ServerOptions options = Options();
  options.limits.handshake_deadline = std::chrono::milliseconds(50);
  TestServer server(options);
  RawClient silent(server.port());
  RawClient dripping(server.port());
  EXPECT_TRUE(silent.AwaitEnd());
  // The beginning of a record that announces more than ever comes.
  if (dripping.Send(Bytes("\x16\x03\x01\x02\x00", 5))) {
    while (dripping.Send("\x01")) {
    }
  }
  EXPECT_TRUE(dripping.AwaitEnd());
  // It is counted just after it is closed.
  while (server.server().stats().handshakes_failed < 2) std::this_thread::yield();
}

TEST_F(Tls, KeepsTheReserveForNodes) {
  ServerOptions options = Options();
  options.limits.connections_max = 2;
  options.limits.connections_reserved_for_nodes = 1;
  TestServer server(options);
  Channel first(threads_, To(server.port(), pki_.ClientContext("alice")));
  EXPECT_EQ(*EchoCall(first, "a").Await(), "a");
  EXPECT_FALSE(Ask(server.port(), "alice", "b"));
  while (server.server().stats().connections > 1) std::this_thread::yield();
  EXPECT_EQ(*Ask(server.port(), "node", "who"), "node node");
}

TEST_F(Tls, ClientRefusesAServerOfAnotherName) {
  const TestServer server(Options());
  ChannelOptions options = To(server.port(), pki_.ClientContext("alice"));
  options.server_name = "elsewhere.example";
  Channel channel(threads_, options);
  ExpectRejected(EchoCall(channel, "x").Await(), {"127.0.0.1", "hostname mismatch"});
  options.server_name = "localhost";
  Channel by_name(threads_, options);
  EXPECT_EQ(*EchoCall(by_name, "x").Await(), "x");
}

TEST_F(Tls, ClientRefusesAServerThatIsNoNode) {
  pki_.Issue("mallory", {{Role::kClient, "mallory"}, {"127.0.0.1"}});
  ServerOptions options;
  options.tls = pki_.OptionsOf("mallory");
  const TestServer server(options);
  ExpectRejected(Ask(server.port(), "alice", "x"), {"unsuitable certificate purpose"});
}

TEST_F(Tls, ClientRefusesAServerOfAnotherCa) {
  const TestServer server(Options());
  ASSERT_TRUE(CreateCa("other", 1, pki_.FilesOf("other"), false));
  Channel channel(threads_, To(server.port(), pki_.ClientContext("alice", "other")));
  ExpectRejected(EchoCall(channel, "x").Await(),
                 {"127.0.0.1 port ", pki_.PathOf("other.crt"), "self-signed certificate"});
}

TEST_F(Tls, ClientRefusesAServerWhoseCertificateHasExpired) {
  pki_.Issue("node", {{Role::kNode, "node"}, {"127.0.0.1"}, 1, 2 * 24 * 60});
  const TestServer server(Options());
  ExpectRejected(Ask(server.port(), "alice", "x"), {"certificate has expired"});
}

TEST_F(Tls, ClientSaysWhichCertificateTheServerDoesNotAccept) {
  const TestServer server(Options());
  pki_.Issue("old", {{Role::kClient, "old"}, {}, 1, 2 * 24 * 60});
  ExpectRejected(Ask(server.port(), "old", "x"),
                 {pki_.PathOf("old.crt"), "alert certificate expired"});
}

TEST_F(Tls, WhatIsNoTlsIsNotACertificateThatIsNotAccepted) {
  RawServer server;
  Channel channel(threads_, To(server.port(), pki_.ClientContext("alice")));
  EchoCall call(channel, "x");
  RawClient peer(server.Accept());
  ASSERT_TRUE(peer.Send("SSH-2.0-OpenSSH_9.2\r\n"));
  EXPECT_EQ(CodeOf(call.Await()), ErrorCode::kUnavailable);
}

// TLS 1.3 lets a client send before the server has looked at its certificate.
TEST_F(Tls, ClientKnowsThatARefusedRequestWasNotReceived) {
  ASSERT_TRUE(CreateCa("other", 1, pki_.FilesOf("other"), false));
  pki_.Issue("stranger", Role::kClient, "other");
  TestServer server(Options());
  for (int i = 0; i < 20; ++i) {
    ExpectRejected(Ask(server.port(), "stranger", "x"),
                   {pki_.PathOf("stranger.crt"), "unknown ca"});
  }
  EXPECT_EQ(server.server().stats().requests, 0U);
}

TEST_F(Tls, ReloadIsForNewConnectionsAndOldOnesStay) {
  TestServer server(Options());
  Channel old(threads_, To(server.port(), pki_.ClientContext("alice")));
  EXPECT_EQ(*EchoCall(old, "before").Await(), "before");
  // Another CA takes the old one's place.
  std::filesystem::remove(pki_.PathOf("ca.key"));
  ASSERT_TRUE(CreateCa("next", 30, pki_.FilesOf("ca"), true));
  pki_.Issue("node", Role::kNode);
  pki_.Issue("bob", Role::kClient);
  EXPECT_FALSE(Ask(server.port(), "bob", "x"));
  const auto expiry = server.server().tls_expiry();
  ASSERT_TRUE(server.server().Reload());
  EXPECT_EQ(*Ask(server.port(), "bob", "who"), "client bob");
  EXPECT_EQ(*EchoCall(old, "after").Await(), "after");
  EXPECT_GE(server.server().tls_expiry()->certificate_at, expiry->certificate_at);
}

TEST_F(Tls, ReloadThatFailsChangesNothing) {
  TestServer server(Options());
  std::filesystem::remove(pki_.PathOf("node.key"));
  const Status reloaded = server.server().Reload();
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().message.find("node.key"), std::string::npos);
  EXPECT_EQ(*Ask(server.port(), "alice", "who"), "client alice");
}

TEST_F(Tls, SaysWhichFileDoesNotLoad) {
  const TlsOptions good = pki_.OptionsOf("node");
  const auto message = [](const TlsOptions& options) {
    const auto context = TlsContext::ForServer(options);
    return context ? "" : context.error().message;
  };
  EXPECT_EQ(message(good), "");
  TlsOptions bad = good;
  bad.ca_file = "/missing-ca";
  EXPECT_NE(message(bad).find("/missing-ca"), std::string::npos);
  bad = good;
  bad.certificate_file = "/missing-crt";
  EXPECT_NE(message(bad).find("/missing-crt"), std::string::npos);
  bad = good;
  bad.key_file = pki_.PathOf("alice.key");
  EXPECT_NE(message(bad).find("alice.key"), std::string::npos);
  bad = good;
  bad.crl_file = "/missing-crl";
  EXPECT_NE(message(bad).find("/missing-crl"), std::string::npos);
  bad = good;
  bad.certificate_file = pki_.PathOf("ca.crt");
  bad.key_file = pki_.PathOf("ca.key");
  EXPECT_NE(message(bad).find("subject"), std::string::npos);
}

TEST_F(Tls, KnowsWhenTheOwnCertificateEnds) {
  const auto context = pki_.ClientContext("alice");
  constexpr int64_t kDay = 86'400;
  const int64_t left = context->expiry().certificate_at - std::time(nullptr);
  EXPECT_GT(left, 4 * kDay);
  EXPECT_LT(left, 5 * kDay);
  EXPECT_EQ(context->identity().name, "alice");
  EXPECT_FALSE(context->expiry().crl_at);
}

TEST_F(Tls, KnowsWhenTheFirstRevocationListEnds) {
  constexpr int64_t kDay = 86'400;
  TlsOptions options = pki_.OptionsOf("alice");
  options.crl_file = pki_.PathOf("crl");
  ASSERT_TRUE(CreateCa("other", 1, pki_.FilesOf("other"), false));
  ASSERT_TRUE(Revoke(pki_.FilesOf("ca"), {}, 9, options.crl_file));
  ASSERT_TRUE(Revoke(pki_.FilesOf("other"), {}, 3, pki_.PathOf("other.crl")));
  std::ofstream(options.crl_file, std::ios::app) << std::ifstream(pki_.PathOf("other.crl")).rdbuf();
  const auto context = TlsContext::ForClient(options);
  ASSERT_TRUE(context);
  const auto expires = (*context)->expiry().crl_at;
  ASSERT_TRUE(expires);
  EXPECT_NEAR(static_cast<double>(*expires - std::time(nullptr)), 3 * kDay, 3600);
}

}  // namespace
}  // namespace metaring::rpc
