// SPDX-License-Identifier: Apache-2.0
// OutBytes of IPv4, TCP and ICMP headers.
#include "segment.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace tcpdwell::test {

namespace {

using OutBytes = std::vector<std::uint8_t>;

constexpr std::size_t kIpHeader = 20;
constexpr std::uint8_t kTimestampKind = 8;

void put16(OutBytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put32(OutBytes& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}

std::uint16_t get16(std::span<const std::uint8_t> in, std::size_t at) {
    return static_cast<std::uint16_t>(in[at] << 8 | in[at + 1]);
}

std::uint32_t get32(std::span<const std::uint8_t> in, std::size_t at) {
    return static_cast<std::uint32_t>(get16(in, at)) << 16 | get16(in, at + 2);
}

void put_address(OutBytes& out, const std::string& text) {
    std::array<std::uint8_t, 4> bytes{};
    inet_pton(AF_INET, text.c_str(), bytes.data());
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string address_text(std::span<const std::uint8_t> in, std::size_t at) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &in[at], text.data(), text.size());
    return text.data();
}

// RFC 1071, stored where `at` says.
void checksum(OutBytes& out, std::size_t at, std::span<const std::uint8_t> covered,
              std::uint32_t sum) {
    for (std::size_t i = 0; i < covered.size(); ++i)
        sum += i % 2 == 0 ? covered[i] << 8U : covered[i];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    out[at] = static_cast<std::uint8_t>(~sum >> 8);
    out[at + 1] = static_cast<std::uint8_t>(~sum);
}

OutBytes ip_header(const std::string& source, const std::string& target, std::uint8_t protocol,
                   std::size_t payload) {
    OutBytes out{0x45, 0};
    put16(out, kIpHeader + payload);
    put32(out, 0x4000); // no id, don't fragment
    out.insert(out.end(), {64, protocol, 0, 0});
    put_address(out, source);
    put_address(out, target);
    checksum(out, 10, OutBytes(out), 0);
    return out;
}

} // namespace

OutBytes to_packet(const Segment& segment) {
    OutBytes options;
    if (segment.has(kSyn)) {
        options.insert(options.end(), {2, 4}); // maximum segment size
        put16(options, 1460);
    }
    if (segment.timestamp) {
        options.insert(options.end(), {1, 1, kTimestampKind, 10});
        put32(options, *segment.timestamp);
        put32(options, segment.echo);
    }
    const std::size_t header = 20 + options.size();
    OutBytes out =
        ip_header(segment.source.addr, segment.target.addr, IPPROTO_TCP, header + segment.payload);
    put16(out, segment.source.port);
    put16(out, segment.target.port);
    put32(out, segment.seq);
    put32(out, segment.ack);
    out.push_back(static_cast<std::uint8_t>(header / 4 << 4));
    out.push_back(segment.flags);
    put16(out, 65535); // window
    put32(out, 0);     // checksum, urgent pointer
    out.insert(out.end(), options.begin(), options.end());
    out.insert(out.end(), segment.payload, 'x');

    OutBytes pseudo;
    put_address(pseudo, segment.source.addr);
    put_address(pseudo, segment.target.addr);
    std::uint32_t sum = IPPROTO_TCP + static_cast<std::uint32_t>(header + segment.payload);
    for (std::size_t i = 0; i < pseudo.size(); i += 2) sum += get16(pseudo, i);
    checksum(out, kIpHeader + 16, OutBytes(out.begin() + kIpHeader, out.end()), sum);
    return out;
}

std::optional<Segment> from_packet(std::span<const std::uint8_t> packet) {
    if (packet.size() < kIpHeader || packet[0] != 0x45 || packet[9] != IPPROTO_TCP)
        return std::nullopt;
    const auto tcp = packet.subspan(kIpHeader);
    if (tcp.size() < 20) return std::nullopt;
    const std::size_t header = static_cast<std::size_t>(tcp[12] >> 4) * 4;
    if (header < 20 || header > tcp.size()) return std::nullopt;
    Segment result{.source = {address_text(packet, 12), get16(tcp, 0)},
                   .target = {address_text(packet, 16), get16(tcp, 2)},
                   .flags = tcp[13],
                   .seq = get32(tcp, 4),
                   .ack = get32(tcp, 8),
                   .payload = tcp.size() - header};
    for (std::size_t at = 20; at < header && tcp[at] != 0;) {
        if (tcp[at] == kTimestampKind && at + 10 <= header) {
            result.timestamp = get32(tcp, at + 2);
            result.echo = get32(tcp, at + 6);
        }
        at += tcp[at] == 1 ? 1U : std::max<std::size_t>(tcp[at + 1], 2);
    }
    return result;
}

OutBytes unreachable_packet(std::span<const std::uint8_t> packet, const std::string& router,
                            std::uint8_t code) {
    OutBytes icmp{ICMP_DEST_UNREACH, code};
    put16(icmp, 0); // checksum
    put32(icmp, 0);
    const auto quoted = packet.first(std::min<std::size_t>(packet.size(), kIpHeader + 20));
    icmp.insert(icmp.end(), quoted.begin(), quoted.end());
    checksum(icmp, 2, OutBytes(icmp), 0);
    OutBytes out = ip_header(router, address_text(packet, 12), IPPROTO_ICMP, icmp.size());
    out.insert(out.end(), icmp.begin(), icmp.end());
    return out;
}

} // namespace tcpdwell::test
