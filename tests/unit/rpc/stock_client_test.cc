// SPDX-License-Identifier: Apache-2.0
//
// The client that Thrift generates, on Thrift's own sockets, unchanged.
#include <Echo.h>
#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSSLSocket.h>
#include <thrift/transport/TSocket.h>

#include <memory>

#include "tests/unit/rpc/echo_service.h"
#include "tests/unit/rpc/pki.h"

namespace metaring::rpc {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TSocket;
using apache::thrift::transport::TSSLSocketFactory;

void Use(const std::shared_ptr<TSocket>& socket) {
  const auto transport = std::make_shared<TFramedTransport>(socket);
  echo::EchoClient client(std::make_shared<TBinaryProtocol>(transport));
  transport->open();
  for (const size_t bytes : {0, 1, 200, 100'000, 3'000'000}) {
    echo::EchoRequest request;
    request.__set_payload(Bytes(bytes, 'x'));
    echo::EchoReply reply;
    client.echo(reply, request);
    EXPECT_EQ(reply.payload, request.payload);
  }
  echo::EchoRequest dropped;
  dropped.__set_payload("drop");
  echo::EchoReply reply;
  EXPECT_THROW(client.echo(reply, dropped), echo::EchoError);
  client.note(dropped);
  echo::Nest nest;
  nest.nests.emplace_back();
  nest.__isset.nests = true;
  EXPECT_EQ(client.depth(nest), 2);
  transport->close();
}

TEST(StockClient, WorksOverTls) {
  const Pki pki;
  pki.Issue("node", Role::kNode);
  pki.Issue("client", Role::kClient);
  ServerOptions options;
  options.tls = pki.OptionsOf("node");
  const TestServer server(options);
  TSSLSocketFactory factory(apache::thrift::transport::SSLTLS);
  factory.server(false);
  factory.authenticate(true);
  factory.loadTrustedCertificates(pki.PathOf("ca.crt").c_str());
  factory.loadCertificate(pki.PathOf("client.crt").c_str());
  factory.loadPrivateKey(pki.PathOf("client.key").c_str());
  Use(factory.createSocket("localhost", server.port()));
}

TEST(StockClient, WorksInPlainText) {
  const TestServer server;
  Use(std::make_shared<TSocket>("127.0.0.1", server.port()));
}

}  // namespace
}  // namespace metaring::rpc
