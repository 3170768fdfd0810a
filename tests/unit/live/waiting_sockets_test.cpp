// SPDX-License-Identifier: Apache-2.0
// What of a look at the sockets that wait is reported, and what is left out.
#include "live/waiting_sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/decode.h"
#include "event/encode.h"
#include "event/record.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr std::uint64_t kSecondsNs = 1'000'000'000;

td_socket waiting_record(std::uint64_t sock, std::uint64_t inode) {
    td_socket r{};
    r.h = event::header_of<td_socket>(TD_SOCKET, 1, 7);
    r.sock = sock;
    r.cookie = sock + 1;
    r.inode = inode;
    return r;
}

td_numbers numbers_record(std::uint64_t sock, std::uint32_t unread, std::uint32_t since) {
    td_numbers r{};
    r.h = event::header_of<td_numbers>(TD_NUMBERS, 2, 7);
    r.sock = sock;
    r.cookie = sock + 1;
    r.unread = unread;
    r.since_received = since;
    r.state = static_cast<std::uint8_t>(tcp::State::CLOSE_WAIT);
    return r;
}

event::Process holder_with(std::uint32_t pid) {
    event::Process result{pid, {}, {}};
    result.comm_bytes[0] = 'p';
    return result;
}

class WaitingSocketsTest : public testing::Test {
protected:
    struct Seen {
        std::uint64_t sock;
        std::uint32_t unread;
    };
    /// Looks at one socket with that inode; what is reported.
    void look(std::uint64_t inode, std::uint32_t unread, std::uint32_t since,
              const live::SocketOwners& owners, bool all = false) {
        reported_.clear();
        const event::RecordSink sink = [this](std::span<const std::byte> record) {
            event::Decoder decoder;
            const auto event = decoder.decode(record);
            ASSERT_TRUE(event);
            if (const auto* numbers = std::get_if<event::NumbersRead>(&*event)) {
                EXPECT_EQ(numbers->sock, kSock);
                reported_.push_back("unread " + std::to_string(*numbers->numbers.unread));
            } else {
                const auto& holders = std::get<event::HoldersFound>(*event);
                EXPECT_EQ(holders.at, event::mono_time(now_ + 5));
                EXPECT_EQ(holders.cookie, kSock + 1);
                std::string text = "held by " + std::to_string(holders.count);
                for (const auto& each : holders.processes) text += " " + std::to_string(each.pid);
                reported_.push_back(text + (holders.partial ? " at least" : ""));
            }
        };
        sockets_.begin(now_, all);
        sockets_.on_listed(event::bytes_of(waiting_record(kSock, inode)), sink);
        sockets_.on_listed(event::bytes_of(numbers_record(kSock, unread, since)), sink);
        if (inode != 0)
            EXPECT_THAT(sockets_.inodes(), UnorderedElementsAre(inode));
        else
            EXPECT_THAT(sockets_.inodes(), IsEmpty());
        sockets_.end(now_ + 5, owners, sink);
        now_ += 10 * kSecondsNs;
    }

    static constexpr std::uint64_t kSock = 0x1000;
    std::uint64_t now_ = 1000 * kSecondsNs;
    live::WaitingSockets sockets_;
    std::vector<std::string> reported_;
};

TEST_F(WaitingSocketsTest, ReportsWhatIsNewOrHasChanged) {
    live::SocketOwners owners;
    owners.by_inode[9] = {holder_with(5)};
    look(9, 100, 1, owners);
    EXPECT_THAT(reported_, ElementsAre("unread 100", "held by 1 5"));
    look(9, 100, 2501, owners);
    EXPECT_THAT(reported_, IsEmpty()) << "only time has passed";
    look(9, 101, 2, owners);
    EXPECT_THAT(reported_, ElementsAre("unread 101"));
    owners.by_inode[9].push_back(holder_with(6));
    look(9, 101, 2, owners);
    EXPECT_THAT(reported_, ElementsAre("held by 2 5 6"));
    owners.unreadable = 1;
    look(9, 101, 2, owners);
    EXPECT_THAT(reported_, ElementsAre("held by 2 5 6 at least"));
}

TEST_F(WaitingSocketsTest, ReportsEverythingWhereThatIsWanted) {
    live::SocketOwners owners;
    owners.by_inode[9] = {holder_with(5)};
    look(9, 100, 1, owners);
    look(9, 100, 2, owners, true);
    EXPECT_THAT(reported_, ElementsAre("unread 100", "held by 1 5"));
}

TEST_F(WaitingSocketsTest, RepeatsNumbersOnceAMinute) {
    int times = 0;
    for (int i = 0; i < 13; ++i) {
        look(0, 100, static_cast<std::uint32_t>(i), {});
        times += !reported_.empty();
    }
    EXPECT_EQ(times, 3) << "at 0 s, 60 s, 120 s";
}

TEST_F(WaitingSocketsTest, DistinguishesNobodyFromNotFound) {
    look(0, 1, 1, {});
    EXPECT_THAT(reported_, ElementsAre("unread 1", "held by 0"));
    look(9, 1, 1, {});
    EXPECT_THAT(reported_, ElementsAre("held by 0 at least")) << "a file on its way";
}

TEST_F(WaitingSocketsTest, ForgetsWhatIsNoLongerThere) {
    live::SocketOwners owners;
    owners.by_inode[9] = {holder_with(5)};
    look(9, 100, 1, owners);
    sockets_.begin(now_, false);
    sockets_.end(now_, owners, [](auto) { FAIL() << "nothing was listed"; });
    look(9, 100, 1, owners);
    EXPECT_THAT(reported_, ElementsAre("unread 100", "held by 1 5"));
}

TEST_F(WaitingSocketsTest, ReportsTheFirstHoldersAndHowManyThereAre) {
    live::SocketOwners owners;
    for (std::uint32_t pid = 1; pid <= TD_MOST_HOLDERS + 3; ++pid)
        owners.by_inode[9].push_back(holder_with(pid));
    sockets_.begin(now_, false);
    std::optional<event::HoldersFound> found;
    const event::RecordSink sink = [&](std::span<const std::byte> record) {
        event::Decoder decoder;
        found = std::get<event::HoldersFound>(decoder.decode(record).value());
    };
    sockets_.on_listed(event::bytes_of(waiting_record(kSock, 9)), sink);
    sockets_.end(now_, owners, sink);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->count, TD_MOST_HOLDERS + 3u);
    EXPECT_EQ(found->processes.size(), std::size_t{TD_MOST_HOLDERS});
}

} // namespace
} // namespace tcpdwell::test
