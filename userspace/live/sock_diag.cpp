// SPDX-License-Identifier: Apache-2.0
// One dump request per address family. libmnl's own handling of NLMSG_DONE drops the error that a
// dump may end with, and a missing tcp_diag module is reported in just that way, so the message is
// read here.
#include "live/sock_diag.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace tcpdwell::live {
namespace {

constexpr int attempts = 4; // the kernel may say that its tables changed under the dump

MonoTime mono_now() { // CLOCK_MONOTONIC
    return MonoTime(std::chrono::steady_clock::now().time_since_epoch());
}

struct CloseSocket {
    void operator()(mnl_socket* socket) const { ::mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseSocket>;

Error failure(int error) {
    // ENOENT: no handler for TCP; EPROTONOSUPPORT: no NETLINK_SOCK_DIAG at all.
    if (error == ENOENT || error == EPROTONOSUPPORT)
        return Error{ErrorCode::failed,
                     "the kernel can't list TCP sockets: run 'modprobe tcp_diag' "
                     "(CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG)",
                     error};
    return Error{ErrorCode::failed,
                 fmt::format("cannot list TCP sockets: {}", std::strerror(error)), error};
}

struct Dump {
    std::vector<DiagSocket> sockets;
    MonoTime asked; ///< before and after the kernel made the piece that is being read
    MonoTime seen;
    bool interrupted = false;
    int error = 0;
};

int on_message(const nlmsghdr* message, void* data) {
    auto& dump = *static_cast<Dump*>(data);
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump.interrupted = true;
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY) return MNL_CB_OK;
    if (auto socket = parse_diag_message(*message)) {
        socket->asked = dump.asked;
        socket->seen = dump.seen;
        dump.sockets.push_back(*socket);
    }
    return MNL_CB_OK;
}

/// Both NLMSG_ERROR and NLMSG_DONE begin with a negative errno or 0.
int on_end(const nlmsghdr* message, void* data) {
    auto& dump = *static_cast<Dump*>(data);
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump.interrupted = true;
    int code = 0;
    if (::mnl_nlmsg_get_payload_len(message) >= sizeof(code))
        std::memcpy(&code, ::mnl_nlmsg_get_payload(message), sizeof(code));
    if (code < 0) dump.error = -code;
    return MNL_CB_STOP;
}

/// Asks for the sockets of one family and appends them to `dump`; dump.error describes what went
/// wrong.
void dump_family(mnl_socket* netlink, int family, std::uint32_t states, unsigned sequence,
                 Dump& dump) {
    std::array<char, MNL_NLMSG_HDRLEN + sizeof(inet_diag_req_v2)> request{};
    nlmsghdr* header = ::mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = sequence;
    auto* body = static_cast<inet_diag_req_v2*>(
        ::mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    body->sdiag_family = static_cast<std::uint8_t>(family);
    body->sdiag_protocol = IPPROTO_TCP;
    body->idiag_states = states;
    dump.asked = mono_now();
    if (::mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0) {
        dump.error = errno;
        return;
    }

    std::array<mnl_cb_t, NLMSG_MIN_TYPE> control{};
    control[NLMSG_ERROR] = on_end;
    control[NLMSG_DONE] = on_end;
    // The kernel makes the pieces as large as the buffer offered, up to 32 KiB.
    alignas(nlmsghdr) std::array<char, 65536> buffer;
    // The request makes the kernel prepare the first piece, and reading a piece the next
    // (netlink_recvmsg()).
    dump.seen = mono_now();
    for (;;) {
        const MonoTime asked_next = mono_now();
        const ssize_t n = ::mnl_socket_recvfrom(netlink, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        const MonoTime next_made = mono_now();
        const int next = n < 0
                             ? MNL_CB_ERROR
                             : ::mnl_cb_run2(buffer.data(), static_cast<std::size_t>(n), sequence,
                                             ::mnl_socket_get_portid(netlink), on_message, &dump,
                                             control.data(), static_cast<unsigned>(control.size()));
        if (next == MNL_CB_ERROR) dump.error = errno;
        if (next != MNL_CB_OK) return;
        dump.asked = asked_next;
        dump.seen = next_made;
    }
}

tcp::IpAddress address(const std::uint32_t (&words)[4], tcp::Family family) {
    tcp::IpAddress result;
    if (family == tcp::Family::ipv6) {
        std::memcpy(result.bytes.data(), words, sizeof(words));
    } else {
        result.bytes[10] = result.bytes[11] = 0xff;
        std::memcpy(result.bytes.data() + 12, words, sizeof(words[0]));
    }
    return result;
}

/// A listener has no peer; wire.h writes that as zero bytes in either family.
tcp::Endpoint remote_endpoint(const inet_diag_sockid& id, tcp::Family family) {
    const tcp::Port port = ntohs(id.idiag_dport);
    if (port == 0) return {};
    return {address(id.idiag_dst, family), port};
}

struct Attributes {
    bool full = false;
    std::uint64_t cgroup = 0;
};

int on_attribute(const nlattr* attribute, void* data) {
    auto& attributes = *static_cast<Attributes*>(data);
    const unsigned type = ::mnl_attr_get_type(attribute);
    // The kernel writes this one for every full socket, and only for those.
    if (type == INET_DIAG_SHUTDOWN) attributes.full = true;
    if (type == INET_DIAG_CGROUP_ID &&
        ::mnl_attr_get_payload_len(attribute) >= sizeof(attributes.cgroup))
        std::memcpy(&attributes.cgroup, ::mnl_attr_get_payload(attribute),
                    sizeof(attributes.cgroup));
    return MNL_CB_OK;
}

} // namespace

std::optional<DiagSocket> parse_diag_message(const nlmsghdr& message) {
    if (::mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg)) return std::nullopt;
    inet_diag_msg diag;
    std::memcpy(&diag, ::mnl_nlmsg_get_payload(&message), sizeof(diag));
    const auto state = tcp::state_from_kernel(diag.idiag_state);
    if (!state || (diag.idiag_family != AF_INET && diag.idiag_family != AF_INET6))
        return std::nullopt;

    DiagSocket socket;
    socket.state = *state;
    const tcp::Family family =
        diag.idiag_family == AF_INET6 ? tcp::Family::ipv6 : tcp::Family::ipv4;
    socket.tuple.family = family;
    socket.tuple.local = {address(diag.id.idiag_src, family), ntohs(diag.id.idiag_sport)};
    socket.tuple.remote = remote_endpoint(diag.id, family);
    socket.interface = diag.id.idiag_if;
    socket.cookie = std::uint64_t{diag.id.idiag_cookie[1]} << 32 | diag.id.idiag_cookie[0];
    socket.inode = diag.idiag_inode;
    if (diag.idiag_timer <= static_cast<std::uint8_t>(DiagTimer::zero_window_probe))
        socket.timer = static_cast<DiagTimer>(diag.idiag_timer);
    socket.retransmits = diag.idiag_retrans;
    socket.expires = std::chrono::milliseconds(diag.idiag_expires);
    socket.receive_queue = diag.idiag_rqueue;
    socket.send_queue = diag.idiag_wqueue;

    Attributes attributes;
    ::mnl_attr_parse(&message, sizeof(inet_diag_msg), on_attribute, &attributes);
    socket.cgroup = attributes.cgroup;
    socket.mini = socket.timer == DiagTimer::time_wait;
    socket.request = !attributes.full && *state == tcp::State::SYN_RECV;
    if (attributes.full) socket.uid = diag.idiag_uid;
    return socket;
}

Result<std::vector<DiagSocket>> dump_tcp_sockets(std::uint32_t states) {
    const Netlink netlink(::mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
    if (!netlink) return tl::unexpected(failure(errno));
    if (::mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return tl::unexpected(failure(errno));

    Dump dump;
    unsigned sequence = 0;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        dump = {};
        for (const int family : {AF_INET, AF_INET6})
            if (dump.error == 0) dump_family(netlink.get(), family, states, ++sequence, dump);
        if (dump.error != 0) return tl::unexpected(failure(dump.error));
        if (!dump.interrupted) return std::move(dump.sockets);
    }
    return fail(ErrorCode::failed,
                "cannot list TCP sockets: the list kept changing while it was read; try again");
}

} // namespace tcpdwell::live
