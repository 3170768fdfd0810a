// SPDX-License-Identifier: Apache-2.0
// Some virtual machines run their agent as PID 1 and keep BPF programs away from it: no tracing
// program is run while one of its tasks is current, in softirqs that interrupt it neither (seen on
// a Firecracker guest with Linux 6.18), and no counter says so. ftrace isn't kept away. What it saw
// there is said at the end of each test program: then a test that missed events may be right about
// the rest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

/// Where tracefs is. Where nobody has mounted it, it is mounted for this object alone, and detached
/// at once, so that nothing is left behind if the process is killed.
class Tracefs {
public:
    Tracefs() {
        std::error_code error;
        if (fs::exists("/sys/kernel/tracing/instances", error)) {
            path_ = "/sys/kernel/tracing";
            return;
        }
        std::string folder = "/tmp/tcpdwell-tracefs.XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) return;
        if (::mount("tracefs", folder.c_str(), "tracefs", MS_NOSUID | MS_NOEXEC, nullptr) == 0) {
            root_ = Fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            ::umount2(folder.c_str(), MNT_DETACH);
            if (root_) path_ = "/proc/self/fd/" + std::to_string(root_.get());
        }
        ::rmdir(folder.c_str());
    }

    [[nodiscard]] const fs::path& path() const { return path_; } ///< empty: it can't be had

private:
    fs::path path_;
    Fd root_;
};

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

constexpr std::string_view kInstancePrefix = "tcpdwell-test-"; ///< a process's number follows

/// Ends an instance of ftrace.
void remove_instance(const fs::path& instance) {
    write_to(instance / "events/enable", "0");
    ::rmdir(instance.c_str());
}

/// Removes the instances of test programs that were killed: they go on recording, which slows down
/// every state change of the machine.
void remove_stale_instances(const fs::path& instances) {
    std::error_code error;
    std::vector<fs::path> stale;
    for (const auto& each : fs::directory_iterator(instances, error)) {
        const std::string name = each.path().filename();
        if (name.starts_with(kInstancePrefix) &&
            !fs::exists("/proc/" + name.substr(kInstancePrefix.size()), error))
            stale.push_back(each.path());
    }
    for (const fs::path& instance : stale) remove_instance(instance);
}

/// An instance of ftrace of our own, which records TCP's events in those tasks.
class HiddenEvents : public testing::Environment {
public:
    void SetUp() override {
        const std::set<std::string> tasks = protected_tasks();
        std::error_code error;
        if (tasks.empty()) return;
        tracefs_.emplace();
        if (tracefs_->path().empty()) return;
        const fs::path instances = tracefs_->path() / "instances";
        remove_stale_instances(instances);
        instance_ = instances / (std::string(kInstancePrefix) + std::to_string(::getpid()));
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
        remove_instance(instance_);
        tracefs_.reset();
    }

private:
    std::optional<Tracefs> tracefs_;
    fs::path instance_;
};

// Set up before all others, and torn down after them.
[[maybe_unused]] testing::Environment* const g_hidden_events =
    testing::AddGlobalTestEnvironment(new HiddenEvents); // gtest owns it

} // namespace
} // namespace tcpdwell::test
