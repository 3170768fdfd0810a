// SPDX-License-Identifier: Apache-2.0
#include "live/sampler_child.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "event/container_path.h"
#include "event/encode.h"
#include "event/record.h"
#include "host/kernel_counters.h"
#include "host/netns.h"
#include "host/sysctls.h"
#include "live/container_files.h"
#include "live/now.h"
#include "live/process_owners.h"
#include "live/sampler.h"
#include "live/waiting_sockets.h"

namespace tcpdwell::live {
namespace {

/// A container whose file wasn't there: a runtime may write it after the first connection.
struct Unnamed {
    std::uint64_t cgroup;
    std::string id;
    int tries;
};
constexpr int kMostTries = 6; // at each reading of the counters
constexpr std::size_t kMostUnnamed = 1000;

class SamplerChild {
public:
    SamplerChild(std::unique_ptr<SocketLister> lister, const std::vector<std::uint32_t>& only,
                 const std::string& host_root, Fd replies)
        : lister_(std::move(lister)), only_(only), containers_(host_root),
          replies_(std::move(replies)) {}

    void snapshot();
    void sweep(const std::vector<std::uint32_t>& netns, std::uint64_t expires);
    void counters();
    void waiting(std::uint64_t idle, bool all);
    void containers(std::span<const std::uint64_t> words);

private:
    struct Holder {
        std::uint64_t sock;
        std::uint64_t cookie;
    };

    bool wanted(std::uint32_t inode) const {
        return only_.empty() || std::find(only_.begin(), only_.end(), inode) != only_.end();
    }
    /// Looks for namespaces again; those that are gone are forgotten, so that we don't keep them
    /// alive.
    void refresh() { namespaces_ = host::list_network_namespaces(); }
    void list_namespace(const host::NetworkNamespace& ns,
                        std::unordered_multimap<std::uint64_t, Holder>& holders);
    void send_container(std::uint64_t cgroup, std::string_view text) {
        put(event::container_record(monotonic_ns(), cgroup, text));
    }
    void name_late_ones();
    /// Those of the namespace that has been entered.
    void send_counters(std::uint32_t inode);
    void send_owners(const std::unordered_multimap<std::uint64_t, Holder>& holders);
    void put(std::span<const std::byte> record) {
        out_.insert(out_.end(), record.begin(), record.end());
        if (out_.size() > 256 * 1024) flush();
    }
    void done(SamplerDone what) {
        put(event::bytes_of(event::header_of<td_header>(kSamplerDoneKind, monotonic_ns(),
                                                        static_cast<std::uint32_t>(what))));
        flush();
    }
    void flush();

    std::unique_ptr<SocketLister> lister_;
    std::vector<std::uint32_t> only_;
    ContainerFiles containers_;
    std::vector<Unnamed> unnamed_;
    Fd replies_;
    std::vector<host::NetworkNamespace> namespaces_;
    std::unordered_set<std::uint32_t> described_; ///< namespaces whose sysctls have been reported
    WaitingSockets waiting_;
    std::vector<std::byte> out_;
};

void SamplerChild::flush() {
    std::size_t written = 0;
    while (written < out_.size()) {
        const ssize_t n = ::write(replies_.get(), out_.data() + written, out_.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ::_exit(0); // the other side is gone
        written += static_cast<std::size_t>(n);
    }
    out_.clear();
}

void SamplerChild::list_namespace(const host::NetworkNamespace& ns,
                                  std::unordered_multimap<std::uint64_t, Holder>& holders) {
    const auto guard = host::NetnsGuard::enter(ns.fd.get());
    if (!guard)
        return; // gone, or out of our reach: its sockets are joined when something happens to them
    if (described_.insert(ns.inode).second)
        for (const host::Sysctl& s : host::read_tcp_sysctls())
            put(event::fact_record(monotonic_ns(), ns.inode, s.name, s.value));

    send_counters(ns.inode);

    td_snapshot bracket{event::header_of<td_snapshot>(TD_SNAPSHOT, monotonic_ns(), ns.inode),
                        TD_SNAPSHOT_BEGIN,
                        0,
                        {}};
    put(event::bytes_of(bracket));
    const auto listed = lister_->list([&](std::span<const std::byte> record) {
        const bool is_socket = event::read_header(record).kind == TD_SOCKET;
        const auto s = is_socket ? event::as<td_socket>(record) : std::nullopt;
        if (s && s->inode != 0) holders.emplace(s->inode, Holder{s->sock, s->cookie});
        put(record);
    });
    bracket.h.time_ns = monotonic_ns();
    bracket.op = TD_SNAPSHOT_END;
    bracket.complete = listed.has_value();
    put(event::bytes_of(bracket));
}

void SamplerChild::send_counters(std::uint32_t inode) {
    event::KernelCounters counters{event::mono_time(monotonic_ns()), inode, {}};
    for (host::KernelCounter& each : host::read_kernel_counters())
        counters.counters.push_back({std::move(each.name), each.value});
    if (!counters.counters.empty()) put(event::encode(counters, {}));
}

void SamplerChild::send_owners(const std::unordered_multimap<std::uint64_t, Holder>& holders) {
    std::unordered_set<std::uint64_t> inodes;
    for (const auto& [inode, holder] : holders) inodes.insert(inode);
    const SocketOwners owners = find_socket_owners(&inodes);
    for (const auto& [inode, holder] : holders) {
        const event::Process* process = owners.first(inode);
        if (!process) continue;
        td_owner r{};
        r.h = event::header_of<td_owner>(TD_OWNER, monotonic_ns(), 0);
        r.sock = holder.sock;
        r.cookie = holder.cookie;
        r.task.uid = TD_NO_UID;
        r.task.pid = process->pid;
        std::copy(process->comm_bytes.begin(), process->comm_bytes.end(), r.task.comm);
        r.how = TD_OWNER_HOLDS;
        put(event::bytes_of(r));
    }
}

void SamplerChild::snapshot() {
    refresh();
    std::unordered_multimap<std::uint64_t, Holder> holders;
    for (const host::NetworkNamespace& ns : namespaces_)
        if (wanted(ns.inode)) list_namespace(ns, holders);
    namespaces_.clear();
    done(SamplerDone::sockets);
    send_owners(holders);
    done(SamplerDone::owners);
}

void SamplerChild::sweep(const std::vector<std::uint32_t>& netns, std::uint64_t expires) {
    // A sweep that fails shows nothing; the change it looked for is reported when the mini-socket
    // ends.
    const auto sweep_here = [&] {
        static_cast<void>(
            lister_->sweep(expires, [&](std::span<const std::byte> record) { put(record); }));
    };
    const std::uint32_t own = host::own_netns_inode().value_or(0);
    if (std::find(netns.begin(), netns.end(), own) != netns.end()) sweep_here();
    const bool only_own = std::ranges::all_of(netns, [own](auto inode) { return inode == own; });
    if (!only_own) refresh();
    for (const host::NetworkNamespace& ns : namespaces_) {
        if (ns.inode == own || std::find(netns.begin(), netns.end(), ns.inode) == netns.end())
            continue;
        if (const auto guard = host::NetnsGuard::enter(ns.fd.get())) sweep_here();
    }
    namespaces_.clear();
    done(SamplerDone::sweep);
}

void SamplerChild::counters() {
    refresh();
    for (const host::NetworkNamespace& ns : namespaces_) {
        if (!wanted(ns.inode)) continue;
        if (const auto guard = host::NetnsGuard::enter(ns.fd.get())) send_counters(ns.inode);
    }
    namespaces_.clear();
    name_late_ones();
    done(SamplerDone::counters);
}

void SamplerChild::waiting(std::uint64_t idle, bool all) {
    const auto put_record = [&](std::span<const std::byte> record) { put(record); };
    refresh();
    waiting_.begin(monotonic_ns(), all);
    for (const host::NetworkNamespace& ns : namespaces_) {
        if (!wanted(ns.inode)) continue;
        const auto guard = host::NetnsGuard::enter(ns.fd.get());
        // A listing that fails shows fewer.
        if (guard)
            static_cast<void>(lister_->list_waiting(idle, [&](std::span<const std::byte> record) {
                waiting_.on_listed(record, put_record);
            }));
    }
    namespaces_.clear();
    const std::uint64_t since = monotonic_ns();
    const auto inodes = waiting_.inodes();
    waiting_.end(since, find_socket_owners(&inodes), put_record);
    done(SamplerDone::waiting);
}

void SamplerChild::containers(std::span<const std::uint64_t> words) {
    for (; words.size() >= kContainerWords; words = words.subspan(kContainerWords)) {
        const auto bytes = std::as_bytes(words.subspan(1, kContainerWords - 1));
        std::string id(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::string text = containers_.describe(id);
        send_container(words.front(), text);
        if (text == event::short_container_id(id) && unnamed_.size() < kMostUnnamed)
            unnamed_.push_back({words.front(), std::move(id), kMostTries});
    }
    done(SamplerDone::containers);
}

void SamplerChild::name_late_ones() {
    std::erase_if(unnamed_, [this](Unnamed& each) {
        const std::string text = containers_.describe(each.id);
        if (text == event::short_container_id(each.id)) return --each.tries == 0;
        send_container(each.cgroup, text);
        return true;
    });
}

bool read_words(int fd, std::uint64_t* words, std::size_t count) {
    auto* to = reinterpret_cast<std::byte*>(words);
    std::size_t left = count * sizeof(std::uint64_t);
    while (left > 0) {
        const ssize_t n = ::read(fd, to, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        left -= static_cast<std::size_t>(n);
    }
    return true;
}

} // namespace

int run_sampler(std::unique_ptr<SocketLister> lister, const std::vector<std::uint32_t>& only_netns,
                const std::string& host_root, Fd requests, Fd replies) {
    SamplerChild child(std::move(lister), only_netns, host_root, std::move(replies));
    std::array<std::uint64_t, 2> head;
    while (read_words(requests.get(), head.data(), head.size())) {
        if (head[1] > kMostRequestWords) return 1;
        std::vector<std::uint64_t> words(head[1]);
        if (!read_words(requests.get(), words.data(), words.size())) break;
        switch (static_cast<SamplerRequest>(head[0])) {
        case SamplerRequest::snapshot: child.snapshot(); break;
        case SamplerRequest::sweep:
            if (words.empty()) return 1;
            child.sweep(std::vector<std::uint32_t>(words.begin() + 1, words.end()), words.front());
            break;
        case SamplerRequest::counters: child.counters(); break;
        case SamplerRequest::waiting:
            if (words.size() != 2) return 1;
            child.waiting(words[0], words[1] != 0);
            break;
        case SamplerRequest::containers:
            if (words.size() % kContainerWords != 0) return 1;
            child.containers(words);
            break;
        default: return 1;
        }
    }
    return 0;
}

} // namespace tcpdwell::live
