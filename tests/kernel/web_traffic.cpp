// SPDX-License-Identifier: Apache-2.0
// Command lines.
#include "web_traffic.h"

#include <signal.h>

#include <stdexcept>
#include <vector>

#include "netns.h"
#include "support/moment.h"
#include "web_servers.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

std::string url(std::uint16_t port, const std::string& path,
                const std::string& host = "127.0.0.1") {
    return "http://" + host + ":" + std::to_string(port) + path;
}

// Their status reports nothing: some requests have to fail.
void curl(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"curl", "--silent", "--noproxy", "*", "--output", "/dev/null"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    run(words, kPatience);
}

} // namespace

void WebTest::SetUp() {
    for (const char* program : {"nginx", "haproxy", "curl", "ab", "tcpdump"}) {
        if (!find_program(program).empty()) continue;
        if (may_be_missing()) GTEST_SKIP() << program << " isn't installed";
        FAIL() << program << " isn't installed";
    }
    enter_new_netns();
}

void make_web_traffic() {
    using Web = WebServers;
    for (const std::uint16_t port :
         {Web::kNginx, Web::kNginxOnce, Web::kProxy, Web::kProxyOnce, Web::kProxyBytes}) {
        for (const char* host : {"127.0.0.1", "[::1]"}) {
            const std::string small = url(port, "/small", host);
            curl({small});
            curl({"--http1.0", small});
            curl({"--header", "Connection: close", small});
            curl({"--max-time", "0.2", url(port, "/slow", host)});
            curl({url(port, "/dropped", host)});
            curl({url(port, "/reset", host)});
        }
        // One connection for several requests; then it idles until the server has enough of it.
        const std::string small = url(port, "/small");
        curl({small, small + "?2", "--output", "/dev/null", small + "?3", "--output", "/dev/null"});
        curl({"--rate", "40/m", small, small + "?2", "--output", "/dev/null"});
        EXPECT_EQ(run({"ab", "-q", "-n", "100", "-c", "8", small}, kPatience), 0);
        EXPECT_EQ(run({"ab", "-q", "-k", "-n", "300", "-c", "8", small}, kPatience), 0);
    }
    pause(2s); // the servers close what has idled for a second
}

Tcpdump::Tcpdump(const std::string& file)
    : program_({"tcpdump", "-i", "lo", "-n", "-Z", "root", "--immediate-mode", "-B", "65536", "-s",
                "128", "-w", file, "tcp"}) {
    if (!program_.await_saying("listening on", kPatience))
        throw std::runtime_error("tcpdump doesn't capture: " + program_.said());
}

std::string Tcpdump::stop() {
    const bool well = program_.stop(SIGINT, kPatience) == 0;
    const std::string said = program_.said();
    return well && said.find("\n0 packets dropped by kernel") != std::string::npos
               ? ""
               : "tcpdump: " + said;
}

} // namespace tcpdwell::test
