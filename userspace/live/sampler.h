// SPDX-License-Identifier: Apache-2.0
// The sampler: a small child process that keeps the rights which looking at the host needs
// (entering network namespaces, reading other processes' descriptors and the files of container
// runtimes), so that the process which handles and prints the data can do without any. It answers
// requests with wire records, through a pipe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "event/source.h"
#include "live/capabilities.h"
#include "live/socket_lister.h"

namespace tcpdwell::live {

/// What the sampler has finished; reported between the records.
enum class SamplerDone : std::uint32_t {
    sockets = 1,    ///< the td_snapshot/td_socket records of a snapshot; its owners follow
    owners = 2,     ///< the td_owner records of a snapshot
    sweep = 3,      ///< the td_socket records of a sweep
    counters = 4,   ///< the td_counters records that were asked for
    waiting = 5,    ///< the td_numbers and td_holders of sockets that wait
    containers = 6, ///< the td_container of those that were asked for
};

/// A container whose name is wanted.
struct WantedContainer {
    std::uint64_t cgroup;
    std::string id; ///< 64 digits (event/container_path.h)
};

class Sampler {
public:
    /// Forks the child, which takes the lister over. `netns`: only these namespaces; empty: all.
    /// `identity`: who the child becomes, as the caller has to do later: they can signal each
    /// other. Call it before threads, and before capabilities are dropped.
    /// `host_root`: as ContainerFiles has it.
    static Result<Sampler> start(std::unique_ptr<SocketLister> lister,
                                 const std::vector<std::uint32_t>& netns,
                                 std::optional<Identity> identity, const std::string& host_root);
    Sampler(Sampler&& other) noexcept;
    Sampler& operator=(Sampler&&) = delete;
    ~Sampler(); ///< ends the child

    /// Asks for all sockets and the kernel's counters of all namespaces, and then for the sockets'
    /// owners.
    void request_snapshot();
    /// Asks for the mini-sockets of these namespaces that are in TIME_WAIT and were armed for
    /// `expires` (jiffies) or later.
    void request_sweep(const std::vector<std::uint32_t>& netns, std::uint64_t expires);

    /// Asks for the kernel's counters of all namespaces.
    void request_counters();
    /// Asks for numbers and holders of the sockets that wait (SocketLister::list_waiting()).
    /// `all`: also what is the same as the last time.
    void request_waiting(std::uint64_t idle, bool all);

    /// How many containers one request can have.
    static constexpr std::size_t kMostContainers = 400;
    /// Asks for the names of the first kMostContainers of them. The next request has to wait until
    /// this one is done: it would fill the pipe.
    void request_containers(std::span<const WantedContainer> wanted);

    [[nodiscard]] pid_t pid() const { return child_; }
    /// Readable when there is something to receive.
    [[nodiscard]] int fd() const { return replies_.get(); }
    /// Hands over what has arrived; `done` is called in its place among the records. False when the
    /// child is gone.
    bool receive(const event::RecordSink& sink, const std::function<void(SamplerDone)>& done);

private:
    Sampler(pid_t child, Fd requests, Fd replies);
    void send(const std::vector<std::uint64_t>& words);

    pid_t child_;
    Fd requests_;
    Fd replies_;
    std::vector<std::byte> buffer_;
    std::size_t filled_ = 0;
};

} // namespace tcpdwell::live
