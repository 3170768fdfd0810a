// SPDX-License-Identifier: Apache-2.0
// What is to be hidden is nowhere in the records, and what isn't is as it was.
#include "recording/anonymizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "event/decode.h"
#include "event/record.h"
#include "records.h"

namespace tcpdwell::test {
namespace {

Bytes copy_of(std::span<const std::byte> record) { return {record.begin(), record.end()}; }

bool contains(std::span<const std::byte> text, std::span<const std::byte> part) {
    return std::search(text.begin(), text.end(), part.begin(), part.end()) != text.end();
}
std::span<const std::byte> bytes_in(std::string_view text) {
    return std::as_bytes(std::span(text));
}

recording::Anonymizer anonymizer() {
    return recording::Anonymizer(recording::AddressCipher::Key{1, 2, 3});
}

std::optional<event::Event> event_of(std::span<const std::byte> record) {
    return event::Decoder().decode(record);
}

class AnonymizerTest : public testing::Test {
protected:
    void SetUp() override {
        for (std::uint64_t seed = 1; seed <= 3; ++seed)
            for (Bytes& record : traffic_records(seed, 60)) records.push_back(std::move(record));
        records.push_back(event::cgroup_record(1, 7, "/secret.slice/secret.service"));
        records.push_back(event::container_record(1, 7, "secret/secret-pod/secret"));
        records.push_back(event::fact_record(1, 0, "host", "secret-host"));
        records.push_back(event::fact_record(1, 0, "boot_id", "secret-boot"));
        records.push_back(event::fact_record(1, 0, "kernel", "6.18.0"));
        records.push_back(event::fact_record(1, 0, "owner_of_this", "secret-person"));
        records.push_back(event::fact_record(1, 4026531840, "net.ipv4.tcp_fin_timeout", "60"));
        td_socket socket{};
        socket.h = event::header_of<td_socket>(TD_SOCKET, 5, 4026531840);
        socket.sock = 0xffff888012345678;
        socket.listener = 0xffff888012345679;
        socket.tuple.local_addr[0] = 0xfd;
        socket.tuple.local_port = 443;
        socket.inode = 0x1234567890abcdef;
        socket.task.uid = 0xabcdef12;
        socket.state = 1;
        records.push_back(copy_of(event::bytes_of(socket)));
    }

    std::vector<Bytes> records;
    recording::Anonymizer hider = anonymizer();
};

TEST_F(AnonymizerTest, nothing_of_what_is_hidden_can_be_found) {
    std::set<Bytes> secrets;
    const auto add = [&](const auto& value) {
        secrets.insert(copy_of(std::as_bytes(std::span(&value, 1))));
    };
    const auto add_owner = [&](const event::Owner& owner) {
        if (owner.process && !owner.process->comm().empty())
            secrets.insert(copy_of(bytes_in(owner.process->comm())));
    };
    const auto add_tuple = [&](const tcp::FourTuple& tuple) {
        for (const tcp::IpAddress& address : {tuple.local.address, tuple.remote.address}) {
            if (address.is_unspecified()) continue;
            const auto bytes = std::as_bytes(std::span(address.bytes));
            secrets.insert(copy_of(address.is_v4() ? bytes.subspan(12) : bytes));
        }
    };
    for (const Bytes& record : records) {
        const auto event = event_of(record);
        if (!event) continue;
        std::visit(
            [&](const auto& e) {
                if constexpr (requires { e.tuple; }) add_tuple(e.tuple);
                if constexpr (requires { e.sock; }) add(e.sock);
                if constexpr (requires {
                                  e.mini;
                                  e.op;
                              })
                    add(e.mini);
                if constexpr (requires {
                                  e.request;
                                  e.op;
                              })
                    add(e.request);
                if constexpr (requires { e.listener; }) add(e.listener);
                if constexpr (requires { e.owner.process; }) add_owner(e.owner);
                if constexpr (requires { e.owner->process; })
                    if (e.owner) add_owner(*e.owner);
            },
            *event);
    }
    secrets.erase(Bytes(8)); // no listener
    add(std::uint64_t{0x1234567890abcdef});
    add(std::uint32_t{0xabcdef12});
    secrets.insert(copy_of(bytes_in("secret")));
    ASSERT_GT(secrets.size(), 30u);

    std::size_t kept = 0;
    for (const Bytes& record : records) {
        const auto hidden = hider.anonymous(record);
        if (!hidden) continue;
        ++kept;
        for (const Bytes& secret : secrets)
            ASSERT_FALSE(contains(std::span(*hidden).subspan(sizeof(td_header)), secret))
                << "kind " << static_cast<int>(record[2]) << ", " << secret.size() << " bytes";
    }
    EXPECT_EQ(kept, records.size() - 3)
        << "without the cgroup's path and container, and the fact that nobody knows";
    EXPECT_TRUE(hider.not_understood().empty());
}

TEST_F(AnonymizerTest, times_states_ports_and_numbers_stay) {
    for (const Bytes& record : records) {
        const auto hidden = hider.anonymous(record);
        if (!hidden) continue;
        const auto before = event_of(record);
        const auto after = event_of(*hidden);
        ASSERT_EQ(before.has_value(), after.has_value());
        if (!before) continue;
        ASSERT_EQ(before->index(), after->index());
        std::visit(
            [&](const auto& e) {
                const auto& a = std::get<std::decay_t<decltype(e)>>(*after);
                if constexpr (requires { e.at; }) {
                    EXPECT_EQ(a.at, e.at);
                }
                if constexpr (requires { e.netns; }) {
                    EXPECT_EQ(a.netns, e.netns);
                }
                if constexpr (requires { e.cookie; }) {
                    EXPECT_EQ(a.cookie, e.cookie);
                }
                if constexpr (requires { e.tuple; }) {
                    EXPECT_EQ(a.tuple.local.port, e.tuple.local.port);
                    EXPECT_EQ(a.tuple.remote.port, e.tuple.remote.port);
                    EXPECT_EQ(a.tuple.family, e.tuple.family);
                    EXPECT_EQ(a.tuple.remote.empty(), e.tuple.remote.empty());
                }
                if constexpr (requires { e.from; }) {
                    EXPECT_EQ(a.from, e.from);
                }
                if constexpr (requires { e.flags; }) {
                    EXPECT_EQ(a.flags, e.flags);
                }
                if constexpr (requires { e.reason; }) {
                    EXPECT_EQ(a.reason, e.reason);
                }
                if constexpr (requires { e.stack; }) {
                    EXPECT_EQ(a.stack, e.stack);
                }
                if constexpr (requires { e.expires; }) {
                    EXPECT_EQ(a.expires.has_value(), e.expires.has_value());
                }
            },
            *before);
    }
}

TEST_F(AnonymizerTest, processes_keep_their_numbers) {
    event::StateChange change{};
    change.from = tcp::State::CLOSE;
    change.to = tcp::State::SYN_SENT;
    change.owner = event::Owner{event::Process{4321, {'n', 'g', 'i', 'n', 'x'}}, 1000, 99};
    const auto hidden = hider.anonymous(encode(change, synth::kTestClock));
    const auto after = std::get<event::StateChange>(*event_of(*hidden));
    EXPECT_EQ(after.owner->process->pid, 4321u);
    EXPECT_EQ(after.owner->process->comm().substr(0, 8), "program-");
    EXPECT_EQ(after.owner->uid, std::nullopt);
    EXPECT_EQ(after.owner->cgroup, 99u);
}

TEST_F(AnonymizerTest, programs_stay_apart) {
    const auto name_of = [](recording::Anonymizer& by, std::string_view comm) {
        event::StateChange change{};
        change.from = tcp::State::CLOSE;
        change.to = tcp::State::SYN_SENT;
        change.owner = event::Owner{event::Process{4321, {}}, 1000, 99};
        std::ranges::copy(comm, change.owner->process->comm_bytes.begin());
        const auto hidden = by.anonymous(encode(change, synth::kTestClock));
        const auto after = std::get<event::StateChange>(*event_of(*hidden));
        return std::string(after.owner->process->comm());
    };
    const std::string nginx = name_of(hider, "nginx");
    EXPECT_EQ(name_of(hider, "nginx"), nginx);
    EXPECT_NE(name_of(hider, "nginy"), nginx);
    EXPECT_EQ(name_of(hider, ""), "");
    // They differ behind the eighth byte.
    EXPECT_NE(name_of(hider, "redis-server"), name_of(hider, "redis-sentinel"));
    EXPECT_LT(name_of(hider, "fifteen-letters").size(), std::size_t{TD_COMM_LEN});
    const auto another = *recording::Anonymizer::create();
    EXPECT_NE(name_of(*another, "nginx"), nginx) << "its key is another one";
}

TEST_F(AnonymizerTest, an_object_has_the_same_image_in_every_record) {
    const std::uint64_t sock = 0xffff888000112233;
    event::StateChange change{};
    change.sock = sock;
    change.from = tcp::State::ESTABLISHED;
    change.to = tcp::State::CLOSE_WAIT;
    event::Reset reset{};
    reset.sock = sock;
    reset.direction = TD_RESET_SENT;
    event::RequestTimer request{};
    request.listener = sock;
    request.op = TD_TIMER_START;
    const auto image = [&](const event::Event& event) {
        return *event_of(*hider.anonymous(encode(event, synth::kTestClock)));
    };
    const std::uint64_t there = std::get<event::StateChange>(image(change)).sock;
    EXPECT_NE(there, sock);
    EXPECT_EQ(std::get<event::Reset>(image(reset)).sock, there);
    EXPECT_EQ(std::get<event::RequestTimer>(image(request)).listener, there);
}

TEST_F(AnonymizerTest, facts_are_kept_replaced_or_left_out) {
    const auto fact = [&](std::string_view key,
                          std::string_view value) -> std::optional<std::string> {
        const auto hidden = hider.anonymous(event::fact_record(9, 3, key, value));
        if (!hidden) return std::nullopt;
        return std::get<event::Fact>(*event_of(*hidden)).value;
    };
    EXPECT_EQ(fact("kernel", "6.1.0"), "6.1.0");
    EXPECT_EQ(fact("net.core.somaxconn", "4096"), "4096");
    EXPECT_EQ(fact("kernel.hostname", "x"), std::nullopt);
    EXPECT_EQ(fact("", "x"), std::nullopt);
    const auto host = fact("host", "web1");
    const recording::Head head = hider.anonymous(
        recording::Head{.host = "web1", .boot_id = "b", .filter = "--addr 10.0.0.1"});
    EXPECT_EQ(host, head.host);
    EXPECT_EQ(fact("boot_id", "b"), head.boot_id);
    EXPECT_EQ(head.filter, "");
    EXPECT_TRUE(head.anonymized);
    EXPECT_NE(head.boot_id, "b");
    EXPECT_NE(anonymizer().anonymous(recording::Head{}).boot_id, head.boot_id);
}

TEST_F(AnonymizerTest, of_filters_stays_what_names_nobody) {
    event::Filter filter;
    filter.ports = {443};
    filter.family = tcp::Family::ipv4;
    event::Filter with_names = filter;
    with_names.addresses = {*tcp::Cidr::parse("10.0.0.1")};
    with_names.comms = {"secret"};
    with_names.cgroups = {"/secret"};
    with_names.containers = {"secret*"};
    with_names.comms.excluded = {"secret"};
    recording::Head head = hider.anonymous(
        recording::Head{.filter = "--comm secret", .filters = {with_names, filter}});
    EXPECT_EQ(head.filters, (std::vector<event::Filter>{filter, filter}));
    EXPECT_EQ(head.filter, "--port 443 -4");
    with_names.ports = {};
    with_names.family.reset(); // nothing but names
    head = hider.anonymous(recording::Head{.filter = "x", .filters = {filter, with_names}});
    EXPECT_TRUE(head.filters.empty());
    EXPECT_EQ(head.filter, "");
}

TEST_F(AnonymizerTest, a_sample_stays_one_although_its_flows_are_others_now) {
    for (const std::uint32_t one_in : {2u, 10u}) {
        event::Filter filter;
        filter.sample = one_in;
        event::Filter after;
        after.sampled = one_in;
        recording::Head head = hider.anonymous(recording::Head{.filters = {filter}});
        EXPECT_EQ(head.filters, std::vector<event::Filter>{after});
        EXPECT_EQ(head.filter, "--sampled " + std::to_string(one_in));
        head = hider.anonymous(head);
        EXPECT_EQ(head.filters, std::vector<event::Filter>{after});
    }
}

TEST_F(AnonymizerTest, what_this_version_does_not_know_is_left_out_and_counted) {
    Bytes later(64, std::byte{'s'});
    const td_header header{64, 200, 0, 0, 5};
    std::memcpy(later.data(), &header, sizeof(header));
    EXPECT_EQ(hider.anonymous(later), std::nullopt);
    EXPECT_EQ(hider.anonymous(later), std::nullopt);
    Bytes torn(24, std::byte{'s'});
    const td_header of_state{24, TD_STATE, 0, 0, 5};
    std::memcpy(torn.data(), &of_state, sizeof(of_state));
    EXPECT_EQ(hider.anonymous(torn), std::nullopt);
    EXPECT_EQ(hider.not_understood(), (std::map<unsigned, std::uint64_t>{{200, 2}, {TD_STATE, 1}}));
}

TEST_F(AnonymizerTest, fields_that_later_versions_append_are_cut_off) {
    event::Reset reset{};
    reset.direction = TD_RESET_SENT;
    Bytes longer = encode(reset, synth::kTestClock);
    longer.resize(longer.size() + 16, std::byte{'s'});
    const auto size = static_cast<std::uint16_t>(longer.size());
    std::memcpy(longer.data(), &size, sizeof(size));
    const auto hidden = hider.anonymous(longer);
    ASSERT_TRUE(hidden);
    EXPECT_EQ(hidden->size(), sizeof(td_reset));
    EXPECT_TRUE(event_of(*hidden));
}

TEST_F(AnonymizerTest, any_bytes_are_fit_to_be_read_or_left_out) {
    std::mt19937_64 random(9);
    for (int i = 0; i < 20'000; ++i) {
        const Bytes record = any_record(random);
        const auto hidden = hider.anonymous(record);
        if (!hidden) continue;
        td_header header;
        std::memcpy(&header, hidden->data(), sizeof(header));
        ASSERT_EQ(header.size, hidden->size());
    }
}

} // namespace
} // namespace tcpdwell::test
