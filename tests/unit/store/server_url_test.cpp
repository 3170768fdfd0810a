// SPDX-License-Identifier: Apache-2.0
#include "store/server_url.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tcpdwell::test {
namespace {

store::ServerUrl parsed(const std::string& url) {
    auto server = store::ServerUrl::parse(url);
    EXPECT_TRUE(server) << url << ": " << server.error().message;
    return server.value_or(store::ServerUrl{});
}

TEST(ServerUrl, has_the_default_ports) {
    EXPECT_EQ(parsed("http://db/metrics").address(), "http://db:8123");
    EXPECT_EQ(parsed("https://db/metrics").address(), "https://db:8443");
    EXPECT_EQ(parsed("http://db:1/metrics").address(), "http://db:1");
    EXPECT_EQ(parsed("http://db:80/metrics").address(), "http://db:80");
    EXPECT_EQ(parsed("https://db:443/metrics").address(), "https://db:443");
    EXPECT_EQ(parsed("HTTP://db/metrics").text(), "http://db:8123/metrics");
}

TEST(ServerUrl, has_brackets_around_ipv6) {
    const auto server = parsed("http://[2001:db8::1]:9000/net");
    EXPECT_EQ(server.host, "2001:db8::1");
    EXPECT_EQ(server.address(), "http://[2001:db8::1]:9000");
    EXPECT_EQ(server.database, "net");
    EXPECT_EQ(parsed("http://[::1]/net").text(), "http://[::1]:8123/net");
}

TEST(ServerUrl, decodes_credentials_and_never_shows_them) {
    const auto server = parsed("https://me%40home:s%3Ac%2Fret@db/net");
    EXPECT_EQ(server.user, "me@home");
    EXPECT_EQ(server.password, "s:c/ret");
    EXPECT_EQ(server.text(), "https://db:8443/net");
    EXPECT_EQ(parsed("http://me@db/net").user, "me");
    EXPECT_EQ(parsed("http://me@db/net").password, "");
}

TEST(ServerUrl, is_refused_with_an_example) {
    for (const char* url :
         {"",
          "db",
          "db/net",
          "db:8123/net",
          "ftp://db/net",
          "file:///etc/passwd",
          "http://db",
          "http://db/",
          "http://db/net/",
          "http://db/net/ends",
          "http://db/a-b",
          "http://db/1a",
          "http://db/%61",
          "http://db/net?a=b",
          "http://db/net#a",
          "http://db:0/net",
          "http://db:65536/net",
          "http://db:x/net",
          "http:///net",
          "http://[::1/net",
          "http://a b/net",
          "http://me:a%0d%0ab@db/net",
          "http://db/net;DROP",
          "http://db/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        const auto server = store::ServerUrl::parse(url);
        ASSERT_FALSE(server) << url;
        EXPECT_EQ(server.error().code, ErrorCode::usage) << url;
        if (std::string(url).find('@') == std::string::npos) {
            EXPECT_NE(server.error().message.find("http://HOST:8123/DATABASE"), std::string::npos)
                << server.error().message;
        }
    }
    EXPECT_FALSE(store::ServerUrl::parse(std::string("http://db/n\0t", 12)));
}

TEST(ServerUrl, is_refused_without_showing_the_password) {
    for (const char* url : {"http://me:secret@db", "htp://me:secret@db/net",
                            "http://me:secret@db:x/net", "http://me:secret@", "me:secret@db/net",
                            "http://me:secret@db/a-b", "http://me:secret%01@db/net"}) {
        const auto server = store::ServerUrl::parse(url);
        ASSERT_FALSE(server) << url;
        EXPECT_EQ(server.error().message.find("secret"), std::string::npos)
            << server.error().message;
    }
}

TEST(ServerUrl, takes_credentials_of_the_environment_where_it_names_none) {
    ::setenv("CLICKHOUSE_USER", "them", 1);
    ::setenv("CLICKHOUSE_PASSWORD", "their secret", 1);
    auto server = store::ServerUrl::from_user("http://db/net");
    ASSERT_TRUE(server);
    EXPECT_EQ(server->user, "them");
    EXPECT_EQ(server->password, "their secret");
    server = store::ServerUrl::from_user("http://me@db/net");
    ASSERT_TRUE(server);
    EXPECT_EQ(server->user, "me");
    EXPECT_EQ(server->password, "");
    ::setenv("CLICKHOUSE_PASSWORD", "their\r\nHost: secret", 1);
    const auto refused = store::ServerUrl::from_user("http://db/net");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
    ::unsetenv("CLICKHOUSE_USER");
    ::unsetenv("CLICKHOUSE_PASSWORD");
    EXPECT_EQ(store::ServerUrl::from_user("http://db/net")->user, "");
}

} // namespace
} // namespace tcpdwell::test
