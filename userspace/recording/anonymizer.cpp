// SPDX-License-Identifier: Apache-2.0
#include "recording/anonymizer.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "event/write_record.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::recording {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kFlagsByte = offsetof(td_header, flags);

void hide(AddressCipher& cipher, td_tuple& tuple) {
    for (auto* bytes : {&tuple.local_addr, &tuple.remote_addr}) {
        IpAddress address;
        std::copy(std::begin(*bytes), std::end(*bytes), address.bytes.begin());
        const IpAddress image = cipher.image(address);
        std::copy(image.bytes.begin(), image.bytes.end(), std::begin(*bytes));
    }
    tuple.reserved = 0;
}

void hide(td_task& task) {
    task.uid = TD_NO_UID;
    std::fill(std::begin(task.comm), std::end(task.comm), '\0');
}

/// Of each kind of record what has to go; fields that some later version may use are 0.
struct Hide {
    AddressCipher& cipher;

    void number(__u64& value) const { value = cipher.image(value); }

    void operator()(td_state& r) const {
        number(r.sock);
        hide(cipher, r.tuple);
        r.has_task = 0;
        r.reserved = 0;
    }
    void operator()(td_state_by_task& r) const {
        (*this)(r.state);
        r.state.has_task = 1;
        hide(r.task);
    }
    void operator()(td_timewait& r) const {
        number(r.mini);
        hide(cipher, r.tuple);
    }
    void operator()(td_request& r) const {
        number(r.request);
        number(r.listener);
        hide(cipher, r.tuple);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_reset& r) const {
        number(r.sock);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_owner& r) const {
        number(r.sock);
        hide(r.task);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_socket& r) const {
        number(r.sock);
        number(r.listener);
        hide(cipher, r.tuple);
        hide(r.task);
        r.inode = 0;
        r.reserved = 0;
    }
    void operator()(td_port& r) const {
        number(r.sock);
        hide(cipher, r.tuple);
    }
    void operator()(td_snapshot& r) const { std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0}); }
    void operator()(td_gap& r) const { std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0}); }
    void operator()(td_lost&) const {}
    void operator()(td_clock& r) const { r.reserved = 0; }
    void operator()(td_header&) const {}
};

td_header& header_in(td_state_by_task& r) { return r.state.h; }
td_header& header_in(td_header& r) { return r; }
template <class T>
td_header& header_in(T& r) {
    return r.h;
}

/// Only what this version knows of the record: later ones may have appended fields.
template <class T>
std::optional<Bytes> known_part(std::span<const std::byte> record, AddressCipher& cipher) {
    if (record.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    header_in(value).size = sizeof(T);
    Hide{cipher}(value);
    const auto bytes = bytes_of(value);
    return Bytes(bytes.begin(), bytes.end());
}

std::optional<Bytes> state_of(std::span<const std::byte> record, AddressCipher& cipher) {
    td_state state;
    if (record.size() < sizeof(state)) return std::nullopt;
    std::memcpy(&state, record.data(), sizeof(state));
    return state.has_task != 0 ? known_part<td_state_by_task>(record, cipher) : known_part<td_state>(record, cipher);
}

bool is_harmless(std::string_view key) {
    constexpr std::string_view kHarmless[] = {"version", "kernel", "machine", "probes"};
    return key.starts_with("net.") || std::find(std::begin(kHarmless), std::end(kHarmless), key) != std::end(kHarmless);
}

std::array<unsigned char, 16> random_bytes() {
    std::array<unsigned char, 16> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

} // namespace

Anonymizer::Anonymizer(const AddressCipher::Key& key) : cipher_(key) {
    const auto bytes = random_bytes();
    std::string hex;
    for (const unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
    host_ = "host-" + hex.substr(0, 6);
    boot_id_ = fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3), hex.substr(17, 3),
                           hex.substr(20));
}

Result<std::unique_ptr<Anonymizer>> Anonymizer::create() {
    if (sodium_init() < 0) return fail(ErrorCode::failed, "cannot anonymise: the system gives no random numbers");
    return std::make_unique<Anonymizer>(random_bytes());
}

Head Anonymizer::anonymous(Head head) const {
    head.host = host_;
    head.boot_id = boot_id_;
    head.filter.clear();
    head.anonymized = true;
    return head;
}

std::optional<Bytes> Anonymizer::anonymous(std::span<const std::byte> record) {
    td_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    std::optional<Bytes> result;
    switch (header.kind) {
    case TD_STATE: result = state_of(record, cipher_); break;
    case TD_TIMEWAIT: result = known_part<td_timewait>(record, cipher_); break;
    case TD_REQUEST: result = known_part<td_request>(record, cipher_); break;
    case TD_RESET: result = known_part<td_reset>(record, cipher_); break;
    case TD_OWNER: result = known_part<td_owner>(record, cipher_); break;
    case TD_SOCKET: result = known_part<td_socket>(record, cipher_); break;
    case TD_SNAPSHOT: result = known_part<td_snapshot>(record, cipher_); break;
    case TD_LOST: result = known_part<td_lost>(record, cipher_); break;
    case TD_CLOCK: result = known_part<td_clock>(record, cipher_); break;
    case TD_PORT: result = known_part<td_port>(record, cipher_); break;
    case TD_NOW: result = known_part<td_header>(record, cipher_); break;
    case TD_GAP: result = known_part<td_gap>(record, cipher_); break;
    case TD_CGROUP: return std::nullopt;
    case TD_FACT: {
        const std::string_view text(reinterpret_cast<const char*>(record.data()) + sizeof(td_header),
                                    record.size() - sizeof(td_header));
        const std::string_view key = text.substr(0, text.find('\0'));
        if (is_harmless(key)) return Bytes(record.begin(), record.end());
        if (key != "host" && key != "boot_id") return std::nullopt;
        Bytes fact = fact_record(header.time_ns, header.netns, key, key == "host" ? host_ : boot_id_);
        fact[kFlagsByte] = record[kFlagsByte];
        return fact;
    }
    default: break;
    }
    if (!result) ++not_understood_[header.kind];
    return result;
}

} // namespace tcpdwell::recording
