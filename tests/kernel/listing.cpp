// SPDX-License-Identifier: Apache-2.0
// Netlink messages and JSON lines to sets.
#include "listing.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "lines.h"
#include "netns.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

constexpr std::size_t kMostQuoted = 20;

// By number, as in the kernel's enum.
constexpr std::array<const char*, 12> kStates{"",           "ESTABLISHED", "SYN_SENT",  "SYN_RECV",
                                              "FIN_WAIT1",  "FIN_WAIT2",   "TIME_WAIT", "CLOSE",
                                              "CLOSE_WAIT", "LAST_ACK",    "LISTEN",    "CLOSING"};
constexpr std::uint32_t kAllButListen = ~(1U << 10);

std::string end_text(const std::string& addr, std::uint16_t port) {
    return addr + "." + std::to_string(port);
}

std::string end_text(std::uint8_t family, const std::uint32_t (&addr)[4], std::uint16_t port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, addr, text.data(), text.size());
    return end_text(text.data(), ntohs(port));
}

void list_family(std::uint8_t family, std::uint32_t netns, Listing& listing) {
    const Fd netlink(
        check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "netlink socket"));
    struct {
        nlmsghdr header{};
        inet_diag_req_v2 body{};
    } request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = kAllButListen;
    check(send(netlink.get(), &request, sizeof request, 0), "ask sock_diag");

    alignas(nlmsghdr) std::array<char, 65536> buffer;
    for (;;) {
        auto left = static_cast<unsigned>(
            check(recv(netlink.get(), buffer.data(), buffer.size(), 0), "hear sock_diag"));
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) return;
            if (message->nlmsg_type == NLMSG_ERROR) {
                errno = -static_cast<nlmsgerr*>(NLMSG_DATA(message))->error;
                check(-1, "sock_diag");
            }
            const auto& socket = *static_cast<inet_diag_msg*>(NLMSG_DATA(message));
            listing.insert({netns, end_text(family, socket.id.idiag_src, socket.id.idiag_sport),
                            end_text(family, socket.id.idiag_dst, socket.id.idiag_dport),
                            kStates.at(socket.idiag_state)});
        }
    }
}

Listed listed(const ConnectionLine& line) {
    return {line.who.netns, end_text(line.who.local.addr, line.who.local.port),
            end_text(line.who.remote.addr, line.who.remote.port), line.states.back().state};
}

bool is_open(const ConnectionLine& line) {
    return line.ending == "open" || (line.time_wait && line.time_wait->end == "open");
}

std::vector<ConnectionLine> connection_lines(std::span<const nlohmann::json> lines) {
    std::vector<ConnectionLine> result;
    for (const nlohmann::json& line : lines)
        if (line.at("type") == "connection") result.push_back(parse_connection(line));
    return result;
}

std::vector<Listed> only_in(const Listing& here, const Listing& there) {
    std::vector<Listed> alone;
    std::set_difference(here.begin(), here.end(), there.begin(), there.end(),
                        std::back_inserter(alone));
    return alone;
}

// A state is only ever followed by one of a higher rank.
int rank(const std::string& state) {
    if (state == "SYN_SENT" || state == "SYN_RECV") return 0;
    if (state == "ESTABLISHED") return 1;
    if (state == "FIN_WAIT1" || state == "CLOSE_WAIT") return 2;
    return state == "TIME_WAIT" ? 4 : 3;
}

bool same_ends(const Listed& a, const Listed& b) {
    return a.local == b.local && a.remote == b.remote;
}

// Whether `line` is what a tracer says of `actual` that has missed something.
bool is_late(const ConnectionLine& line, const Listed& actual) {
    const Listed claimed = listed(line);
    if (is_open(line) && line.who.local.port == 0)
        return claimed.remote == actual.remote && claimed.state == actual.state;
    if (!same_ends(claimed, actual)) return false;
    return line.seen == "gap" || (is_open(line) && rank(claimed.state) < rank(actual.state));
}

void tell(std::string& out, const char* whose, const std::vector<Listed>& alone,
          std::span<const ConnectionLine> lines) {
    for (std::size_t i = 0; i < std::min(alone.size(), kMostQuoted); ++i) {
        out += std::string(whose) + ": " + alone[i].text() + "\n";
        for (const ConnectionLine& line : lines)
            if (same_ends(listed(line), alone[i])) out += "    " + line.text + "\n";
    }
    if (alone.size() > kMostQuoted)
        out += std::string(whose) + ": " + std::to_string(alone.size()) + " in all\n";
}

} // namespace

Listing kernel_listing() {
    Listing listing;
    const std::uint32_t netns = current_netns();
    for (const int family : {AF_INET, AF_INET6})
        list_family(static_cast<std::uint8_t>(family), netns, listing);
    return listing;
}

Listing settled_kernel_listing(std::chrono::nanoseconds unchanged, std::chrono::nanoseconds limit) {
    constexpr int kLooks = 10; // in each stretch: what comes and goes again is a change too
    const auto deadline = std::chrono::steady_clock::now() + limit;
    Listing listing = kernel_listing();
    for (int same = 0; same < kLooks;) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("the kernel's list of sockets doesn't come to rest");
        pause(unchanged / kLooks);
        Listing now = kernel_listing();
        same = now == listing ? same + 1 : 0;
        listing = std::move(now);
    }
    return listing;
}

Listing adjusted(const Listing& before, const Listing& after, const Listing& tracer) {
    Listing result = before;
    // An end that changed its state meanwhile, or went, or came: as the tracer has it.
    for (const Listed& left : only_in(before, after))
        if (tracer.count(left) < before.count(left)) result.erase(result.find(left));
    for (const Listed& entered : only_in(after, before))
        if (tracer.count(entered) > before.count(entered)) result.insert(entered);
    return result;
}

Listing tracer_listing(std::span<const nlohmann::json> lines) {
    Listing listing;
    for (const ConnectionLine& line : connection_lines(lines))
        if (is_open(line)) listing.insert(listed(line));
    return listing;
}

bool is_merely_late(const Listing& kernel, const Listing& tracer,
                    std::span<const nlohmann::json> lines) {
    const std::vector<ConnectionLine> all = connection_lines(lines);
    const std::vector<Listed> actual = only_in(kernel, tracer);
    for (const Listed& each : actual)
        if (std::none_of(all.begin(), all.end(),
                         [&](const ConnectionLine& line) { return is_late(line, each); }))
            return false;
    for (const Listed& claimed : only_in(tracer, kernel))
        for (const Listed& each : kernel)
            if (same_ends(claimed, each) && rank(claimed.state) >= rank(each.state)) return false;
    return true;
}

std::string differences(const Listing& kernel, const Listing& tracer,
                        std::span<const nlohmann::json> lines) {
    std::string out;
    if (kernel == tracer) return out;
    const std::vector<ConnectionLine> all = connection_lines(lines);
    tell(out, "only the kernel", only_in(kernel, tracer), all);
    tell(out, "only the tracer", only_in(tracer, kernel), all);
    return out;
}

} // namespace tcpdwell::test
