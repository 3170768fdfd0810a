// SPDX-License-Identifier: Apache-2.0
// A host may have 100 000 descriptors, so this works on directory descriptors and short relative
// names.
#include "live/process_owners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/fd.h"
#include "host/proc_file.h"

namespace tcpdwell::live {
namespace {

constexpr std::string_view kUring = "anon_inode:[io_uring]";

/// "socket:[123]" to 123; 0 for other links.
std::uint64_t socket_inode(std::string_view link) {
    constexpr std::string_view prefix = "socket:[";
    if (!link.starts_with(prefix) || !link.ends_with(']')) return 0;
    std::uint64_t inode = 0;
    std::from_chars(link.data() + prefix.size(), link.data() + link.size() - 1, inode);
    return inode;
}

/// Name of the process whose /proc directory is `process`; empty if it's gone.
event::Process describe(std::uint32_t pid, int process) {
    event::Process result{pid, {}};
    const Fd fd(::openat(process, "comm", O_RDONLY | O_CLOEXEC));
    if (!fd) return result;
    // The kernel adds a newline; the name itself may contain some too.
    const ssize_t n = ::read(fd.get(), result.comm_bytes.data(), result.comm_bytes.size());
    if (n > 0) result.comm_bytes[static_cast<std::size_t>(n - 1)] = '\0';
    return result;
}

class Scan {
public:
    explicit Scan(const std::unordered_set<std::uint64_t>* wanted) : wanted_(wanted) {}

    void visit(int proc, const char* pid_name) {
        std::uint32_t pid = 0;
        std::from_chars(pid_name, pid_name + std::strlen(pid_name), pid);
        const Fd process(::openat(proc, pid_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!process) return;
        inodes_.clear();
        if (look_into(process.get()) == 0) look_into_threads(process.get());
        if (inodes_.empty()) return;
        // A process may have one socket open several times.
        std::sort(inodes_.begin(), inodes_.end());
        inodes_.erase(std::unique(inodes_.begin(), inodes_.end()), inodes_.end());
        const event::Process owner = describe(pid, process.get());
        for (const std::uint64_t inode : inodes_) result_.by_inode[inode].push_back(owner);
    }

    SocketOwners take() {
        for (auto& [inode, owners] : result_.by_inode)
            std::sort(
                owners.begin(), owners.end(),
                [](const event::Process& a, const event::Process& b) { return a.pid < b.pid; });
        return std::move(result_);
    }

private:
    /// Notes the sockets among the descriptors of that task; how many it has.
    std::size_t look_into(int task) {
        const host::Directory descriptors = host::open_directory("fd", task);
        if (!descriptors) {
            if (errno == EACCES || errno == EPERM) ++result_.unreadable;
            return 1;
        }
        std::size_t count = 0;
        while (const dirent* entry = ::readdir(descriptors.get())) {
            if (entry->d_name[0] == '.') continue;
            ++count;
            char link[64];
            const ssize_t n =
                ::readlinkat(::dirfd(descriptors.get()), entry->d_name, link, sizeof(link));
            if (n <= 0) {
                if (errno == EACCES || errno == EPERM) {
                    ++result_.unreadable;
                    return count;
                }
                continue;
            }
            const std::string_view target(link, static_cast<std::size_t>(n));
            if (target == kUring) look_into_ring(task, entry->d_name);
            note(socket_inode(target));
        }
        return count;
    }

    /// A process whose first thread has ended has its descriptors in the others only. (Kernel
    /// threads have none, and one thread.)
    void look_into_threads(int process) {
        const host::Directory tasks = host::open_directory("task", process);
        if (!tasks) return;
        while (const dirent* entry = ::readdir(tasks.get())) {
            if (entry->d_name[0] == '.') continue;
            const Fd task(
                ::openat(::dirfd(tasks.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (task && look_into(task.get()) != 0) return; // the threads share their descriptors
        }
    }

    /// Files that are registered with an io_uring have no descriptor of their own; fdinfo lists
    /// them (io_uring_show_fdinfo(), io_uring/fdinfo.c). Blanks in names of files are escaped
    /// there, so no name looks like a socket's line.
    void look_into_ring(int task, const char* descriptor) {
        constexpr std::string_view kBefore = ": ";
        const auto text = host::read_proc_file(fmt::format("fdinfo/{}", descriptor).c_str(), task);
        if (!text) return;
        for (std::string_view rest = *text; !rest.empty();) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            const std::size_t at = line.find(kBefore);
            if (at != std::string_view::npos) note(socket_inode(line.substr(at + kBefore.size())));
        }
    }

    void note(std::uint64_t inode) {
        if (inode != 0 && (!wanted_ || wanted_->contains(inode))) inodes_.push_back(inode);
    }

    const std::unordered_set<std::uint64_t>* wanted_;
    SocketOwners result_;
    std::vector<std::uint64_t> inodes_; ///< of the process being visited
};

} // namespace

const event::Process* SocketOwners::first(std::uint64_t inode) const {
    const auto found = by_inode.find(inode);
    return found == by_inode.end() ? nullptr : &found->second.front();
}

SocketOwners find_socket_owners(const std::unordered_set<std::uint64_t>* wanted) {
    Scan scan(wanted);
    if (wanted && wanted->empty()) return scan.take();
    if (const host::Directory proc = host::open_directory("/proc")) {
        while (const dirent* entry = ::readdir(proc.get()))
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
                scan.visit(::dirfd(proc.get()), entry->d_name);
    }
    return scan.take();
}

} // namespace tcpdwell::live
