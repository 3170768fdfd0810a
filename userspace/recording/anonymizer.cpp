// SPDX-License-Identifier: Apache-2.0
#include "recording/anonymizer.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "event/filter_text.h"
#include "event/record.h"

namespace tcpdwell::recording {
namespace {

using Bytes = std::vector<std::byte>;

void hide(AddressCipher& cipher, td_tuple& tuple) {
    for (auto* bytes : {&tuple.local_addr, &tuple.remote_addr}) {
        tcp::IpAddress address;
        std::copy(std::begin(*bytes), std::end(*bytes), address.bytes.begin());
        const tcp::IpAddress image = cipher.image(address);
        std::copy(image.bytes.begin(), image.bytes.end(), std::begin(*bytes));
    }
    tuple.reserved = 0;
}

using Comm = char[TD_COMM_LEN];

/// Of one copy, equal names have equal images: programs stay apart, as the findings need them.
void hide(const AddressCipher& cipher, Comm& comm) {
    std::uint64_t halves[2];
    static_assert(sizeof halves == sizeof comm);
    Comm name{}; // without what may lie behind its end
    std::copy_n(comm, ::strnlen(comm, sizeof comm), name);
    std::memcpy(halves, name, sizeof halves);
    std::fill(std::begin(comm), std::end(comm), '\0');
    if (name[0] == '\0') return;
    const std::uint64_t image = cipher.image(cipher.image(halves[0]) ^ halves[1]);
    fmt::format_to_n(comm, sizeof comm - 1, "program-{:07x}", image & 0xfff'ffff);
}

void hide(const AddressCipher& cipher, td_task& task) {
    task.uid = TD_NO_UID;
    hide(cipher, task.comm);
}

/// Of each kind of record what has to go; fields that some later version may use are 0.
struct Redact {
    AddressCipher& cipher;

    void number(__u64& value) const { value = cipher.image(value); }

    void operator()(td_state& r) const {
        number(r.sock);
        hide(cipher, r.tuple);
        r.has_task = 0;
    }
    void operator()(td_state_by_task& r) const {
        (*this)(r.state);
        r.state.has_task = 1;
        hide(cipher, r.task);
    }
    void operator()(td_state_by_thread& r) const {
        (*this)(r.by_task);
        std::fill(std::begin(r.thread), std::end(r.thread), '\0');
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
        hide(cipher, r.task);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_socket& r) const {
        number(r.sock);
        number(r.listener);
        hide(cipher, r.tuple);
        hide(cipher, r.task);
        r.inode = 0;
        r.reserved = 0;
    }
    void operator()(td_port& r) const {
        number(r.sock);
        hide(cipher, r.tuple);
    }
    void operator()(td_snapshot& r) const {
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_numbers& r) const {
        number(r.sock);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_holders& r) const {
        number(r.sock);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_stray_reset& r) const {
        hide(cipher, r.tuple);
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_counters&) const {}
    void operator()(td_stop&) const {}
    void operator()(td_fork&) const {}
    void operator()(td_gap& r) const {
        std::fill(std::begin(r.reserved), std::end(r.reserved), __u8{0});
    }
    void operator()(td_lost&) const {}
    void operator()(td_clock& r) const { r.reserved = 0; }
    void operator()(td_header&) const {}
};

bool is_harmless(std::string_view key) {
    constexpr std::string_view kHarmless[] = {"version", "kernel", "machine", "probes",
                                              "pid_namespace"};
    return key.starts_with("net.") ||
           std::find(std::begin(kHarmless), std::end(kHarmless), key) != std::end(kHarmless);
}

/// What may be given away of a record, by its kind: empty if nothing, nullopt if it is too short.
struct PublicPart {
    AddressCipher& cipher;
    const std::string& host;
    const std::string& boot_id;
    std::span<const std::byte> record;
    const td_header& header;

    /// Only what this version knows of it: later ones may have appended fields.
    template <class T>
    std::optional<Bytes> operator()(T value) const {
        Redact{cipher}(value);
        const auto bytes = event::bytes_of(value);
        Bytes part(bytes.begin(), bytes.end());
        td_header shorter = header;
        shorter.size = sizeof(T);
        event::write_header(part, shorter);
        return part;
    }
    std::optional<Bytes> operator()(const td_state& value) const {
        if (value.has_task == 0) return operator()<td_state>(value);
        const auto by_task = event::as<td_state_by_task>(record);
        return by_task ? (*this)(*by_task) : std::nullopt;
    }
    std::optional<Bytes> operator()(const td_holders& value) const {
        td_holders fixed = value;
        Redact{cipher}(fixed);
        const std::size_t listed = std::min<std::size_t>(value.count, TD_MOST_HOLDERS);
        if ((record.size() - sizeof(value)) / sizeof(td_holder) < listed) return std::nullopt;
        std::vector<td_holder> holders(listed);
        for (std::size_t i = 0; i < listed; ++i) {
            holders[i] =
                *event::as<td_holder>(record.subspan(sizeof(value) + i * sizeof(td_holder)));
            hide(cipher, holders[i].comm);
        }
        return event::record_with(fixed, std::as_bytes(std::span(holders)));
    }
    std::optional<Bytes> operator()(const td_counters&) const {
        return Bytes(record.begin(), record.end());
    }
    std::optional<Bytes> operator()(const td_cgroup&) const { return Bytes(); }
    std::optional<Bytes> operator()(const td_container&) const { return Bytes(); }
    std::optional<Bytes> operator()(const td_fact&) const {
        const std::string_view key = event::fact_text(record).key;
        if (is_harmless(key)) return Bytes(record.begin(), record.end());
        if (key != "host" && key != "boot_id") return Bytes();
        Bytes fact =
            event::fact_record(header.time_ns, header.netns, key, key == "host" ? host : boot_id);
        td_header flagged = event::read_header(fact);
        flagged.flags = header.flags;
        event::write_header(fact, flagged);
        return fact;
    }
};

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
    boot_id_ = fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4),
                           hex.substr(13, 3), hex.substr(17, 3), hex.substr(20));
}

Result<std::unique_ptr<Anonymizer>> Anonymizer::create() {
    if (sodium_init() < 0)
        return fail(ErrorCode::failed, "cannot anonymize: the system gives no random numbers");
    return std::make_unique<Anonymizer>(random_bytes());
}

namespace {

/// Keeps of the filter what a reader knows from the records anyway.
void hide_names(Head& head) {
    head.filter.clear();
    for (event::Filter& filter : head.filters) {
        filter.addresses = {};
        filter.comms = {};
        filter.cgroups = {};
        filter.containers = {};
        // By the hash of addresses that nobody knows any more.
        if (filter.sample > 1) filter.sampled = std::exchange(filter.sample, 1);
        if (filter.empty()) { // by which everything passes
            head.filter.clear();
            head.filters.clear();
            return;
        }
        const std::string text = event::filter_as_given(filter);
        if (head.filter == text) continue;
        head.filter += head.filter.empty() ? text : " or " + text;
    }
}

} // namespace

Head Anonymizer::anonymous(Head head) const {
    head.host = host_;
    head.boot_id = boot_id_;
    hide_names(head);
    head.anonymized = true;
    return head;
}

std::optional<Bytes> Anonymizer::anonymous(std::span<const std::byte> record) {
    const td_header header = event::read_header(record);
    const PublicPart part{cipher_, host_, boot_id_, record, header};
    std::optional<Bytes> result;
    switch (header.kind) {
#define TCPDWELL_CASE(kind, name, Struct)                                        \
    case kind:                                                                   \
        if (const auto known = event::as<Struct>(record)) result = part(*known); \
        break;
        TCPDWELL_RECORD_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    default: break;
    }
    if (!result) ++not_understood_[header.kind];
    return result && result->empty() ? std::nullopt : result;
}

} // namespace tcpdwell::recording
