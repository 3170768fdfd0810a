// SPDX-License-Identifier: Apache-2.0
// https: what is sent goes to the server whose certificate an authority vouches for, and to nobody
// else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "store/client.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

/// Prints its port.
constexpr const char* kServer = R"(
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        if b"system.settings" in body:
            self.wfile.write(b"input_format_skip_unknown_fields\n")
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
)";

class Tls : public testing::Test {
protected:
    void SetUp() override {
        if (find_program("openssl").empty()) {
            ASSERT_TRUE(may_be_missing());
            GTEST_SKIP() << "openssl is not installed";
        }
        Program maker({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                       "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key_,
                       "-out", certificate_});
        ASSERT_EQ(maker.wait(patience(std::chrono::seconds(30))), 0) << maker.said();
        server_ = std::make_unique<Program>(
            std::vector<std::string>{"python3", "-c", kServer, certificate_, key_});
        const auto end = std::chrono::steady_clock::now() + patience(std::chrono::seconds(30));
        while (server_->printed().empty() && std::chrono::steady_clock::now() < end)
            pause(std::chrono::milliseconds(10));
        port_ = server_->printed();
        ASSERT_FALSE(port_.empty()) << server_->said();
        port_.pop_back();
    }
    void TearDown() override { ::unsetenv("SSL_CERT_FILE"); }
    [[nodiscard]] store::SendAnswer insert(const std::string& host) const {
        const auto url = store::ServerUrl::parse("https://" + host + ":" + port_ + "/net");
        EXPECT_TRUE(url);
        auto client = store::Client::open(*url);
        EXPECT_TRUE(client);
        return client->insert("ends", "batch-1", "x");
    }

    TemporaryFolder folder_;
    std::string key_ = folder_.path() / "key";
    std::string certificate_ = folder_.path() / "certificate";
    std::unique_ptr<Program> server_;
    std::string port_;
};

TEST_F(Tls, sends_to_a_server_with_a_certificate_alone) {
    const auto unknown = insert("localhost");
    EXPECT_EQ(unknown.trouble, store::SendTrouble::no_connection);
    EXPECT_THAT(unknown.words, testing::HasSubstr("certificate"));
    EXPECT_THAT(unknown.words, testing::HasSubstr("SSL_CERT_FILE"));
    ::setenv("SSL_CERT_FILE", certificate_.c_str(), 1);
    const auto known = insert("localhost");
    EXPECT_EQ(known.outcome, store::SendOutcome::accepted) << known.words;
    const auto another = insert("127.0.0.1");
    EXPECT_EQ(another.trouble, store::SendTrouble::no_connection) << "a name of its own";
    EXPECT_THAT(another.words, testing::HasSubstr("127.0.0.1"));
    EXPECT_THAT(another.words, testing::Not(testing::HasSubstr("SSL_CERT_FILE")));
    ::setenv("SSL_CERT_FILE", "/nonexistent", 1);
    EXPECT_THAT(insert("localhost").words, testing::HasSubstr("names"));
}

} // namespace
} // namespace tcpdwell::test
