// SPDX-License-Identifier: Apache-2.0
// What is reported of the sockets that wait for their process or their peer: their numbers, and who
// holds them. The sampler looks again and again; what is the same as before is left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "event/source.h"
#include "live/process_owners.h"

namespace tcpdwell::live {

class WaitingSockets {
public:
    /// A look begins. `all`: what is the same as before is reported, too.
    void begin(std::uint64_t now_ns, bool all);
    /// A record of SocketLister::list_waiting(); hands on what of it is to be reported.
    void on_listed(std::span<const std::byte> record, const event::RecordSink& sink);
    /// The inodes of those listed that have a file.
    [[nodiscard]] std::unordered_set<std::uint64_t> inodes() const;
    /// The look ends: hands out the td_holders. `owners` were looked for since `since_ns`.
    void end(std::uint64_t since_ns, const SocketOwners& owners, const event::RecordSink& sink);

private:
    struct Listed {
        std::uint64_t sock;
        std::uint64_t cookie;
        std::uint64_t inode; ///< 0: no process has it
    };
    /// What was reported of a socket: hashes of it, 0: nothing.
    struct Reported {
        std::uint64_t numbers = 0;
        std::uint64_t numbers_at_ns = 0;
        std::uint64_t holders = 0;
    };
    /// By a hash of address and cookie.
    using ReportedBySocket = std::unordered_map<std::uint64_t, Reported>;
    Reported& reported(std::uint64_t sock, std::uint64_t cookie);

    std::uint64_t now_ns_ = 0;
    bool all_ = false;
    std::vector<Listed> listed_;
    ReportedBySocket before_; ///< by the look before
    ReportedBySocket now_;
};

} // namespace tcpdwell::live
