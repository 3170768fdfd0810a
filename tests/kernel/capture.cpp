// SPDX-License-Identifier: Apache-2.0
// Bytes of a pcap file (draft-ietf-opsawg-pcap), of Ethernet, IPv4, IPv6 and TCP headers; then
// bookkeeping of sequence numbers.
#include "capture.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <tuple>

namespace tcpdwell::test {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kEthernet = 1;

std::uint16_t net16(Bytes in, std::size_t at) {
    return static_cast<std::uint16_t>(in[at] << 8 | in[at + 1]);
}
std::uint32_t net32(Bytes in, std::size_t at) {
    return static_cast<std::uint32_t>(net16(in, at)) << 16 | net16(in, at + 2);
}

// In the byte order of the machine that wrote the file: ours.
std::uint32_t host32(Bytes in, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, &in[at], sizeof value);
    return value;
}

std::string address_text(int family, Bytes in, std::size_t at) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, &in[at], text.data(), text.size());
    return text.data();
}

// The headers are there as a whole; of the payload only the length counts.
std::optional<Segment> parse_frame(Bytes frame) {
    if (frame.size() < 14) return std::nullopt;
    const std::uint16_t type = net16(frame, 12);
    const Bytes ip = frame.subspan(14);
    Segment result;
    std::size_t tcp_at = 0;
    std::size_t end = 0;
    if (type == 0x0800 && ip.size() >= 40 && ip[9] == IPPROTO_TCP) {
        tcp_at = static_cast<std::size_t>(ip[0] & 15) * 4;
        end = net16(ip, 2);
        result.source.addr = address_text(AF_INET, ip, 12);
        result.target.addr = address_text(AF_INET, ip, 16);
    } else if (type == 0x86dd && ip.size() >= 60 && ip[6] == IPPROTO_TCP) {
        tcp_at = 40;
        end = tcp_at + net16(ip, 4);
        result.source.addr = address_text(AF_INET6, ip, 8);
        result.target.addr = address_text(AF_INET6, ip, 24);
    } else {
        return std::nullopt;
    }
    const std::size_t header = static_cast<std::size_t>(ip[tcp_at + 12] >> 4) * 4;
    if (end < tcp_at + header)
        throw std::runtime_error("a segment that is shorter than its header");
    result.source.port = net16(ip, tcp_at);
    result.target.port = net16(ip, tcp_at + 2);
    result.seq = net32(ip, tcp_at + 4);
    result.ack = net32(ip, tcp_at + 8);
    result.flags = ip[tcp_at + 13];
    result.payload = end - tcp_at - header;
    return result;
}

// Sequence numbers wrap around.
bool reaches(std::uint32_t ack, std::uint32_t end) {
    return static_cast<std::int32_t>(ack - end) >= 0;
}

// What one side has sent so far.
struct Sender {
    std::optional<std::uint32_t> fin_end; ///< the sequence number after its FIN
    bool fin_acked = false;
};

class Observer {
public:
    explicit Observer(const CapturedSegment& syn)
        : isn_(syn.segment.seq), connection_{.client = syn.segment.source,
                                             .server = syn.segment.target,
                                             .opened = syn.time} {}

    [[nodiscard]] bool is_same_syn(const Segment& syn) const {
        return syn.seq == isn_ && syn.source == connection_.client;
    }
    [[nodiscard]] const CapturedConnection& connection() const { return connection_; }

    void observe(const CapturedSegment& captured) {
        const Segment& segment = captured.segment;
        const Side side = segment.source == connection_.client ? Side::client : Side::server;
        Sender& sender = senders_[side == Side::server];
        Sender& other = senders_[side == Side::client];
        if (segment.has(kSyn | kAck)) answered_ = true;
        if (answered_ && side == Side::client && segment.has(kAck)) connection_.established = true;
        if (!connection_.established) return;

        if (segment.has(kAck) && other.fin_end && reaches(segment.ack, *other.fin_end))
            other.fin_acked = true;
        if (segment.has(kRst) && !(sender.fin_acked && other.fin_acked) && !connection_.reset_by)
            connection_.reset_by = side;
        if (segment.has(kFin)) sender.fin_end = segment.seq + segment.length();
        if (sender.fin_end && other.fin_end && !connection_.both_fins)
            connection_.second_fin = captured.time;
        connection_.both_fins = sender.fin_end && other.fin_end;
        if (!segment.has(kFin) && !segment.has(kRst)) return;
        if (!connection_.first_closer) {
            connection_.first_closer = side;
        } else if (*connection_.first_closer != side && !answered_close_) {
            answered_close_ = true;
            // After an RST nobody closes who has seen it.
            connection_.crossed =
                !other.fin_end || (segment.has(kAck) && !reaches(segment.ack, *other.fin_end));
        }
    }

private:
    std::uint32_t isn_;
    CapturedConnection connection_;
    std::array<Sender, 2> senders_; ///< client, server
    bool answered_ = false;         ///< the SYN
    bool answered_close_ = false;   ///< the first FIN or RST, with another
};

} // namespace

std::vector<CapturedSegment> read_capture(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> chars(std::istreambuf_iterator<char>(file), {});
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(chars.data()), chars.size());
    if (bytes.size() < 24) throw std::runtime_error(path + " is no capture");
    const std::uint32_t magic = host32(bytes, 0);
    if ((magic != kMagicMicroseconds && magic != kMagicNanoseconds) ||
        host32(bytes, 20) != kEthernet)
        throw std::runtime_error(path + " is no capture of Ethernet frames");
    const std::int64_t unit = magic == kMagicNanoseconds ? 1 : 1000;

    std::vector<CapturedSegment> result;
    for (std::size_t at = 24; at < bytes.size();) {
        if (bytes.size() - at < 16 || bytes.size() - at - 16 < host32(bytes, at + 8))
            throw std::runtime_error(path + " is cut off");
        const std::size_t size = host32(bytes, at + 8);
        const nanoseconds time =
            std::chrono::seconds(host32(bytes, at)) + nanoseconds(host32(bytes, at + 4) * unit);
        if (const auto segment = parse_frame(bytes.subspan(at + 16, size)))
            result.push_back({time, *segment});
        at += 16 + size;
    }
    return result;
}

std::vector<CapturedConnection> connections_in(std::span<const CapturedSegment> segments) {
    using Key = std::tuple<std::string, std::uint16_t, std::string, std::uint16_t>;
    std::vector<Observer> observers;
    std::map<Key, std::size_t> current; // either direction
    for (const CapturedSegment& captured : segments) {
        const Segment& segment = captured.segment;
        const auto& [from, to] = std::pair(segment.source, segment.target);
        auto entry = current.find({from.addr, from.port, to.addr, to.port});
        if (segment.has(kSyn) && !segment.has(kAck) &&
            (entry == current.end() || !observers[entry->second].is_same_syn(segment))) {
            current[{from.addr, from.port, to.addr, to.port}] = observers.size();
            current[{to.addr, to.port, from.addr, from.port}] = observers.size();
            observers.emplace_back(captured);
        } else if (entry != current.end()) {
            observers[entry->second].observe(captured);
        }
    }
    std::vector<CapturedConnection> result;
    for (const Observer& observer : observers) result.push_back(observer.connection());
    return result;
}

} // namespace tcpdwell::test
