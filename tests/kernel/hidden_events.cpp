// SPDX-License-Identifier: Apache-2.0
// Some virtual machines run their agent as PID 1 and keep BPF programs away from it: no tracing
// program is run while one of its tasks is current, in softirqs that interrupt it neither (seen on
// a Firecracker guest with Linux 6.18), and no counter says so. ftrace isn't kept away. What it saw
// there is said at the end of each test program: then a test that missed events may be right about
// the rest.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

const fs::path kTracefs = "/sys/kernel/tracing";

bool write_to(const fs::path& file, const std::string& text) {
    std::ofstream out(file);
    out << text << std::flush;
    return out.good();
}

/// Names of the tasks that even root may not look into, as the sampler does.
std::set<std::string> protected_tasks() {
    std::set<std::string> names;
    if (::geteuid() != 0) return names;
    std::error_code error;
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        if (process.path().filename().string().find_first_not_of("0123456789") != std::string::npos)
            continue;
        static_cast<void>(fs::read_symlink(process.path() / "ns/net", error));
        if (error != std::errc::permission_denied && error != std::errc::operation_not_permitted)
            continue;
        for (const auto& task : fs::directory_iterator(process.path() / "task", error)) {
            std::string name;
            if (std::getline(std::ifstream(task.path() / "comm") >> std::ws, name))
                names.insert(name);
        }
    }
    return names;
}

/// An instance of ftrace of our own, which records TCP's events in those tasks.
class HiddenEvents : public testing::Environment {
public:
    void SetUp() override {
        const std::set<std::string> tasks = protected_tasks();
        std::error_code error;
        if (tasks.empty() || !fs::exists(kTracefs / "instances", error)) return;
        instance_ = kTracefs / "instances" / ("tcpdwell-test-" + std::to_string(::getpid()));
        if (!fs::create_directory(instance_, error)) return instance_.clear();
        std::string filter;
        for (const std::string& task : tasks)
            filter += (filter.empty() ? "COMM == \"" : " || COMM == \"") + task + '"';
        for (const char* event :
             {"sock/inet_sock_set_state", "tcp/tcp_receive_reset", "tcp/tcp_send_reset",
              "timer/timer_start", "timer/timer_cancel", "timer/timer_expire_entry"}) {
            const fs::path folder = instance_ / "events" / event;
            if (!write_to(folder / "filter", filter) || !write_to(folder / "enable", "1"))
                std::cerr << "cannot trace " << event << " by ftrace\n";
        }
    }

    void TearDown() override {
        if (instance_.empty()) return;
        write_to(instance_ / "tracing_on", "0");
        std::size_t states = 0;
        std::size_t others = 0;
        std::ifstream trace(instance_ / "trace");
        for (std::string line; std::getline(trace, line);) {
            if (line.find("inet_sock_set_state:") != std::string::npos) ++states;
            // The functions of mini-sockets and requests, and no other timer.
            if (line.find("_reset:") != std::string::npos ||
                line.find("tw_timer_handler") != std::string::npos ||
                line.find("reqsk_timer_handler") != std::string::npos)
                ++others;
        }
        if (states + others > 0)
            std::cerr << "HIDDEN: " << states << " state changes and " << others
                      << " resets and timers in tasks that this machine hides from BPF programs\n";
        trace.close(); // an instance in use can't be removed
        write_to(instance_ / "events/enable", "0");
        ::rmdir(instance_.c_str());
    }

private:
    fs::path instance_;
};

// Set up before all others, and torn down after them.
[[maybe_unused]] testing::Environment* const g_hidden_events =
    testing::AddGlobalTestEnvironment(new HiddenEvents); // gtest owns it

} // namespace
} // namespace tcpdwell::test
