// SPDX-License-Identifier: Apache-2.0
// One netlink request and its acknowledgement (man 7 sock_diag).
#include "sock_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <array>
#include <cstring>

namespace tcpdwell::test {

int destroy_socket(const Endpoint& local, const Endpoint& remote) {
    const Fd netlink(
        check(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "netlink socket"));
    const Address source(local);
    const Address target(remote);
    struct {
        nlmsghdr header;
        inet_diag_req_v2 body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DESTROY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.body.sdiag_family = static_cast<std::uint8_t>(source.family());
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = ~0U;
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    const auto& in_source = reinterpret_cast<const sockaddr_in&>(source.storage);
    const auto& in_target = reinterpret_cast<const sockaddr_in&>(target.storage);
    request.body.id.idiag_sport = in_source.sin_port; // at the same place for IPv6
    request.body.id.idiag_dport = in_target.sin_port;
    if (source.family() == AF_INET) {
        request.body.id.idiag_src[0] = in_source.sin_addr.s_addr;
        request.body.id.idiag_dst[0] = in_target.sin_addr.s_addr;
    } else {
        std::memcpy(request.body.id.idiag_src,
                    &reinterpret_cast<const sockaddr_in6&>(source.storage).sin6_addr, 16);
        std::memcpy(request.body.id.idiag_dst,
                    &reinterpret_cast<const sockaddr_in6&>(target.storage).sin6_addr, 16);
    }
    check(send(netlink.get(), &request, sizeof request, 0), "send SOCK_DESTROY");

    alignas(nlmsghdr) std::array<char, 512> answer{};
    check(recv(netlink.get(), answer.data(), answer.size(), 0), "answer to SOCK_DESTROY");
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (header->nlmsg_type != NLMSG_ERROR) return EPROTO;
    return -reinterpret_cast<const nlmsgerr*>(answer.data() + NLMSG_HDRLEN)->error;
}

} // namespace tcpdwell::test
