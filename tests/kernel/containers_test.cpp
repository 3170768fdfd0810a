// SPDX-License-Identifier: Apache-2.0
// Containers as runtimes make them: a cgroup with their id in its path, and a file with their name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "child.h"
#include "netns.h"
#include "sockets.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr auto kLimit = 60s;

std::string cgroup2_mount() {
    std::ifstream mounts("/proc/self/mounts");
    std::string line;
    while (std::getline(mounts, line)) {
        std::istringstream words(line);
        std::string device;
        std::string place;
        std::string type;
        words >> device >> place >> type;
        if (type == "cgroup2") return place;
    }
    return {};
}

/// A cgroup, removed when nothing is in it any more.
class TestCgroup {
public:
    explicit TestCgroup(const std::string& path) : path_(cgroup2_mount() + path) {
        std::filesystem::create_directories(path_);
    }
    TestCgroup(const TestCgroup&) = delete;
    TestCgroup& operator=(const TestCgroup&) = delete;
    ~TestCgroup() {
        for (int tries = 0; ::rmdir(path_.c_str()) != 0 && tries < 100; ++tries)
            std::this_thread::sleep_for(10ms);
        ::rmdir(std::filesystem::path(path_).parent_path().c_str()); // if we have made it
    }
    void enter() const { std::ofstream(path_ + "/cgroup.procs") << ::getpid() << std::flush; }

private:
    std::string path_;
};

class KernelContainers : public testing::Test {
protected:
    void SetUp() override {
        if (cgroup2_mount().empty()) GTEST_SKIP() << "cgroup v2 isn't mounted";
        enter_new_netns();
    }
    /// A file of a runtime below the root of a host that is made up.
    void write(const std::string& path, const std::string& text) const {
        const std::filesystem::path file(folder_.path().string() + path);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    /// A connection to itself, by a process in the cgroup.
    static void connect_within(const TestCgroup& cgroup) {
        Child child("td-contained", [&](const Child::Script& script) {
            cgroup.enter();
            const Fd listener = listen_on({"127.0.0.1", 7104});
            Fd client = tcp_socket(AF_INET);
            connect_to(client, local_of(listener));
            const Fd server = accept_from(listener);
            std::this_thread::sleep_for(300ms); // the name of the container has time to come
            client.reset();
            read_to_end(server);
            script.report_done();
        });
        child.await_done();
        child.await_exit();
    }
    [[nodiscard]] std::string file(const std::string& name) const {
        return folder_.path().string() + '/' + name;
    }
    [[nodiscard]] std::string root() const { return folder_.path().string(); }
    static std::string output_of(const std::vector<std::string>& arguments) {
        std::string output;
        EXPECT_EQ(run_tcpdwell(arguments, kLimit, output), 0) << output;
        return output;
    }

private:
    TemporaryFolder folder_;
};

const std::string kDockerId(64, 'd');
const std::string kPodId(64, 'e');

TEST_F(KernelContainers, aContainerThatStartsMeanwhileHasItsNameEverywhere) {
    write("/var/lib/docker/containers/" + kDockerId + "/config.v2.json", R"({"Name":"/web-1"})");
    Tracer tracer({"trace", "-c", "--format", "jsonl", "--netns", std::to_string(current_netns()),
                   "--host-root", root(), "--container", "web-*", "-w", file("recording")});
    ASSERT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
    {
        const TestCgroup cgroup("/docker/" + kDockerId);
        connect_within(cgroup);
    }
    std::this_thread::sleep_for(300ms);
    ASSERT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
    tracer.read_more();
    int connections = 0;
    for (const nlohmann::json& line : tracer.lines()) {
        if (line.at("type") != "connection") continue;
        ++connections;
        EXPECT_EQ(line.at("container"), "web-1") << line;
        EXPECT_EQ(line.at("cgroup"), "/docker/" + kDockerId) << line;
    }
    EXPECT_EQ(connections, 2) << "both ends";

    const std::string replay = output_of({"trace", "-c", "-f", "jsonl", "-r", file("recording")});
    EXPECT_THAT(replay, HasSubstr(R"("container":"web-1")"));
    EXPECT_EQ(
        output_of({"trace", "-c", "-f", "csv", "--container", "!web-1", "-r", file("recording")})
            .find("web-1"),
        std::string::npos);
    const auto report = nlohmann::json::parse(
        output_of({"report", "-q", "--by", "container", "-f", "json", "-r", file("recording")}));
    EXPECT_THAT(report.at("states_by").dump(), HasSubstr("web-1"));
    EXPECT_EQ(report.at("services").at(0).at("container"), "web-1");
    const std::vector<std::string> metrics{"report",      "-q", "-f",
                                           "openmetrics", "-r", file("recording")};
    EXPECT_THAT(output_of(metrics), Not(HasSubstr("container=")));
    auto with_label = metrics;
    with_label.emplace_back("--label-container");
    EXPECT_THAT(output_of(with_label),
                HasSubstr(R"(tcpdwell_connections_ended_total{service="td-contained:7104",)"
                          R"(container="web-1",pod="",namespace="",role="server")"));

    output_of({"copy", "--anonymize", "-r", file("recording"), "-o", file("anonymous")});
    const std::string anonymous =
        output_of({"trace", "-c", "-f", "jsonl", "-r", file("anonymous")});
    EXPECT_THAT(anonymous, HasSubstr(R"("container":null)"));
    EXPECT_THAT(anonymous, Not(HasSubstr("web-1")));
}

TEST_F(KernelContainers, aPodThatWasThereBefore) {
    write("/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + kPodId + "/config.json",
          R"({"annotations":{"io.kubernetes.cri.container-name":"web",)"
          R"("io.kubernetes.cri.sandbox-name":"cart-0","io.kubernetes.cri.sandbox-namespace":)"
          R"("shop"}})");
    const TestCgroup cgroup("/kubepods-pod1.slice/cri-containerd-" + kPodId + ".scope");
    Child child("td-contained", [&](const Child::Script& script) {
        cgroup.enter();
        const Fd listener = listen_on({"127.0.0.1", 7104});
        script.report_done();
        script.await_order();
        Fd client = tcp_socket(AF_INET);
        connect_to(client, local_of(listener));
        const Fd server = accept_from(listener);
        client.reset();
        read_to_end(server);
        script.report_done();
    });
    child.await_done();
    Tracer tracer({"trace", "--format", "jsonl", "--netns", std::to_string(current_netns()),
                   "--host-root", root()});
    ASSERT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
    std::this_thread::sleep_for(1s); // the listing has shown the listener
    child.order();
    child.await_done();
    child.await_exit();
    std::this_thread::sleep_for(300ms);
    ASSERT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
    tracer.read_more();
    int transitions = 0;
    for (const nlohmann::json& line : tracer.lines()) {
        if (line.at("type") != "transition") continue;
        ++transitions;
        EXPECT_EQ(line.at("container"), "shop/cart-0/web") << line;
    }
    EXPECT_GT(transitions, 5);
}

} // namespace
} // namespace tcpdwell::test
