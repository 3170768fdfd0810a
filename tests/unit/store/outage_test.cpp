// SPDX-License-Identifier: Apache-2.0
// A server that is away for an hour, by a clock that passes only while the process that sends
// waits: its own code, a spool on disk and requests over HTTP, in a second.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "sender_case.h"
#include "store/main_process.h"
#include "store/sending_process.h"

namespace tcpdwell::test {
namespace {

using Time = store::WaitClock::Time;

constexpr auto kBatchEvery = std::chrono::seconds(10);
constexpr std::uint64_t kRowsInBatch = 7;

/// A server, a spool into which a batch comes every ten seconds, and the process that sends it.
class Outage {
public:
    Outage(const std::string& path, std::uint64_t spool_bytes, Nanoseconds from, Nanoseconds to,
           Nanoseconds end)
        : spool_(opened(path, spool_bytes)), away_from_(began_ + from), away_to_(began_ + to),
          end_(began_ + end),
          server_(
              after_settings([this](int, const HttpRequest& request) { return answer(request); })) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours_ = Fd(ends[0]);
        theirs_ = Fd(ends[1]);
    }

    void run(store::SenderOptions options) {
        options.server =
            *store::ServerUrl::parse("http://127.0.0.1:" + std::to_string(server_.port()) + "/net");
        store::MainProcess main(
            ::getpid(), theirs_.get(), page,
            {[this] { return now(); },
             [this](std::span<pollfd>, std::optional<Time> end) { pass(end); }});
        EXPECT_EQ(store::send_batches(spool_.outbox(), options, "", main), 0);
    }

    /// Each batch that the server has, and how often it came.
    std::map<std::string, int> has;
    std::vector<Time> tries_while_away;
    std::optional<Time> back; ///< when the first batch came after it
    std::uint64_t rows_had = 0;
    std::uint64_t rows_had_when_away = 0;
    std::uint64_t added_rows = 0;
    std::uint64_t most_bytes = 0;
    store::SharedPage page{};

    [[nodiscard]] store::Spool& spool() { return spool_; }
    [[nodiscard]] Time away_to() const { return away_to_; }

private:
    [[nodiscard]] Time now() {
        const std::scoped_lock lock(mutex_);
        return now_;
    }

    /// What comes while the process waits: until `end`, or for ever, the next batch.
    void pass(std::optional<Time> end) {
        const Time next = began_ + batches_ * kBatchEvery;
        const bool is_batch = !end || next < *end;
        {
            const std::scoped_lock lock(mutex_);
            now_ = is_batch ? std::max(now_, next) : *end;
        }
        if (now() >= end_) {
            page.is_ending = true;
            return;
        }
        if (!is_batch) return;
        ++batches_;
        added_rows += kRowsInBatch;
        ASSERT_TRUE(spool_.add("ends", kRowsInBatch, noise(1000, static_cast<unsigned>(batches_))));
        most_bytes = std::max(most_bytes, spool_.counts().bytes);
    }

    HttpReply answer(const HttpRequest& request) {
        const std::scoped_lock lock(mutex_);
        if (now_ >= away_from_ && now_ < away_to_) {
            if (tries_while_away.empty()) rows_had_when_away = rows_had;
            tries_while_away.push_back(now_);
            // By turns no answer at all, and that of a proxy before it.
            return tries_while_away.size() % 2 == 0 ? HttpReply{"", {}} : reply(503);
        }
        if (now_ >= away_to_ && !back) back = now_;
        if (++has[token_of(request)] == 1) rows_had += kRowsInBatch;
        return reply(200);
    }

    const Time began_{std::chrono::hours(1000)};
    Time now_ = began_;
    store::Spool spool_;
    Time away_from_;
    Time away_to_;
    Time end_;
    std::mutex mutex_; // the server is a thread
    std::int64_t batches_ = 0;
    Fd ours_;
    Fd theirs_;
    ScriptedServer server_;
};

class OutageTest : public SenderTest {};

TEST_F(OutageTest, an_hour_away_loses_nothing_and_repeats_nothing) {
    Outage outage(path_, 10 << 20, 10min, 70min, 90min);
    const store::BackOff back_off;
    outage.run({});

    EXPECT_EQ(outage.rows_had_when_away, 60U * kRowsInBatch) << "one batch in 10 s, ten minutes";
    EXPECT_EQ(outage.added_rows, 540U * kRowsInBatch);
    EXPECT_EQ(outage.rows_had, outage.added_rows);
    EXPECT_EQ(outage.has.size(), 540U);
    EXPECT_TRUE(std::ranges::all_of(outage.has, [](const auto& each) { return each.second == 1; }));
    EXPECT_EQ(outage.page.sent_rows, outage.added_rows);
    EXPECT_EQ(outage.page.rejected_rows, 0U);
    const store::SpoolCounts left = outage.spool().counts();
    EXPECT_EQ(left.rows, 0U);
    EXPECT_EQ(left.dropped_rows, 0U);

    // Each try waits from half of its time to all of it, and that doubles up to its limit.
    const auto& tries = outage.tries_while_away;
    EXPECT_EQ(outage.page.failed_tries, tries.size());
    Nanoseconds time = back_off.shortest;
    std::set<Nanoseconds> late;
    for (std::size_t i = 1; i < tries.size(); ++i, time = std::min(2 * time, back_off.longest)) {
        const Nanoseconds waited = tries[i] - tries[i - 1];
        EXPECT_GE(waited, time / 2) << i;
        EXPECT_LE(waited, time) << i;
        if (time == back_off.longest) late.insert(waited);
    }
    EXPECT_GE(late.size(), 10U) << "spread, not all the same";
    EXPECT_LE(tries.size(), 9U + static_cast<std::size_t>(60min / (back_off.longest / 2)) + 1U);
    ASSERT_TRUE(outage.back);
    EXPECT_LE(*outage.back - outage.away_to(), back_off.longest);
    EXPECT_EQ(log_.count("cannot send to "), 2U) << "each trouble once:\n" << log_.text();
    EXPECT_EQ(log_.count("answers again; "), 1U) << log_.text();
}

TEST_F(OutageTest, what_the_spool_has_no_room_for_is_dropped_oldest_first_and_counted) {
    constexpr std::uint64_t kRoom = std::uint64_t{1} << 20; // of batches that take a page each
    Outage outage(path_, kRoom, 10min, 70min, 90min);
    outage.run({});

    EXPECT_LE(outage.most_bytes, kRoom);
    const store::SpoolCounts left = outage.spool().counts();
    EXPECT_EQ(left.rows, 0U);
    EXPECT_GT(left.dropped_rows, 0U) << "the spool had room for all";
    EXPECT_EQ(left.dropped_rows + outage.rows_had, outage.added_rows);
    EXPECT_EQ(outage.page.sent_rows, outage.rows_had);
    EXPECT_TRUE(std::ranges::all_of(outage.has, [](const auto& each) { return each.second == 1; }));
    // Of the time before it nothing is missing, and of the rest what came last is there.
    EXPECT_EQ(outage.rows_had_when_away, 60U * kRowsInBatch);
    EXPECT_GE(outage.rows_had - outage.rows_had_when_away, kRoom / 4096 * 9 / 10 * kRowsInBatch);
    EXPECT_EQ(log_.count("the oldest rows are dropped until"), 1U) << log_.text();
    EXPECT_EQ(log_.count("room again; " + std::to_string(left.dropped_rows) + " rows have been"),
              1U)
        << log_.text();
}

TEST_F(OutageTest, a_collector_that_asks_for_ten_minutes_gets_them) {
    std::vector<Time> tries;
    Time now{std::chrono::hours(1)};
    const Time end = now + std::chrono::hours(2);
    std::mutex mutex;
    const ScriptedServer server([&](const HttpRequest&) {
        const std::scoped_lock lock(mutex);
        tries.push_back(now);
        return reply(429, "", "Retry-After: 600\r\n");
    });
    auto spool = opened(path_);
    add(spool, 1);
    store::SenderOptions options = this->options(server.port());
    options.server.kind = store::ServerKind::otlp;
    store::SharedPage page{};
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    store::MainProcess main(::getpid(), theirs.get(), page,
                            {[&] {
                                 const std::scoped_lock lock(mutex);
                                 return now;
                             },
                             [&](std::span<pollfd>, std::optional<Time> until) {
                                 ASSERT_TRUE(until);
                                 const std::scoped_lock lock(mutex);
                                 now = *until;
                                 page.is_ending = now >= end;
                             }});
    EXPECT_EQ(store::send_batches(spool.outbox(), options, "", main), 0);
    ASSERT_EQ(tries.size(), 12U);
    for (std::size_t i = 1; i < tries.size(); ++i)
        EXPECT_EQ(tries[i] - tries[i - 1], std::chrono::minutes(10));
    EXPECT_EQ(spool.counts().rows, 1U);
}

} // namespace
} // namespace tcpdwell::test
