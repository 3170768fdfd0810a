// SPDX-License-Identifier: Apache-2.0
// Text to address and back, and membership of networks.
#include "tcp/address.h"

#include <arpa/inet.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tcpdwell::tcp {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
constexpr unsigned kAllBits = 128;

/// The byte that keeps the first `bits` bits (0 to 8).
constexpr std::uint8_t leading_mask(unsigned bits) {
    return static_cast<std::uint8_t>(0xff00u >> bits);
}

} // namespace

bool IpAddress::is_v4() const {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

bool IpAddress::is_unspecified() const {
    const std::size_t first = is_v4() ? kMappedPrefix.size() : 0;
    return std::all_of(bytes.begin() + first, bytes.end(),
                       [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
    if (is_v4()) return bytes[kMappedPrefix.size()] == 127;
    return std::all_of(bytes.begin(), bytes.end() - 1,
                       [](std::uint8_t byte) { return byte == 0; }) &&
           bytes.back() == 1;
}

std::string IpAddress::text(Family family) const {
    if (family == Family::ipv4) {
        return fmt::format(FMT_COMPILE("{}.{}.{}.{}"), bytes[12], bytes[13], bytes[14], bytes[15]);
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated(text);
    IpAddress address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
    if (inet_pton(AF_INET, terminated.c_str(), &address.bytes[kMappedPrefix.size()]) == 1)
        return address;
    return std::nullopt;
}

std::string Endpoint::text(Family family) const {
    const std::string host = address.text(family);
    return (family == Family::ipv6 ? "[" + host + "]:" : host + ":") + std::to_string(port);
}

bool Cidr::contains(const IpAddress& address) const {
    const std::size_t whole = prefix / 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, network.bytes.begin()))
        return false;
    return whole == address.bytes.size() ||
           (address.bytes[whole] & leading_mask(prefix % 8)) == network.bytes[whole];
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view address_text = text.substr(0, slash);
    const auto address = IpAddress::parse(address_text);
    if (!address) return std::nullopt;

    // What was written decides, not the value: "::ffff:0:0/96" counts from the first of 128 bits.
    const bool written_as_v4 = address_text.find(':') == std::string_view::npos;
    unsigned length = written_as_v4 ? kAllBits - kMappedBits : kAllBits;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const unsigned longest = length;
        const char* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, length);
        if (error != std::errc() || stop != end || length > longest) return std::nullopt;
    }
    if (written_as_v4) length += kMappedBits;

    Cidr cidr{*address, static_cast<std::uint8_t>(length)};
    for (unsigned i = 0; i < cidr.network.bytes.size(); ++i) {
        const unsigned kept = std::clamp<unsigned>(length, i * 8, i * 8 + 8) - i * 8;
        cidr.network.bytes[i] &= leading_mask(kept);
    }
    return cidr;
}

} // namespace tcpdwell::tcp
