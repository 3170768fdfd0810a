// SPDX-License-Identifier: Apache-2.0
// The process that sends, against servers that answer well, badly, late and never.
#include "store/sender.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "sender_case.h"
#include "support/free_port.h"

namespace tcpdwell::test {
namespace {

using store::SendTrouble;

TEST_F(SenderTest, sends_all_in_order_and_removes_it) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    std::vector<std::string> expected;
    add(spool, 1, "{\"before\":1}\n");
    auto sender = started(spool, options(server.port()));
    for (std::uint64_t i = 2; i <= 30; ++i) {
        add(spool, i, "{\"row\":" + std::to_string(i) + "}\n");
        sender.wake();
        if (i % 10 != 0) continue;
        EXPECT_TRUE(becomes([&] { return sender.counts().sent_batches == i; }));
    }
    EXPECT_TRUE(drained(sender));
    EXPECT_TRUE(files().empty());
    EXPECT_TRUE(rejected().empty());
    auto tokens = tokens_of(server);
    ASSERT_EQ(tokens.size(), 30U);
    EXPECT_TRUE(std::is_sorted(tokens.begin(), tokens.end()));
    std::string all;
    for (const HttpRequest& request : server.requests())
        if (!asks_for_settings(request)) all += uncompressed(request.body);
    EXPECT_EQ(all.find("{\"before\":1}\n{\"row\":2}\n{\"row\":3}\n"), 0U) << all;
    const auto counts = sender.counts();
    EXPECT_EQ(counts.sent_batches, 30U);
    EXPECT_EQ(counts.sent_rows, 30U * 31U / 2U);
    EXPECT_EQ(counts.rejected_rows, 0U);
    EXPECT_EQ(counts.failed_tries, 0U);
    EXPECT_EQ(counts.trouble, SendTrouble::none);
    EXPECT_EQ(spool.counts().rows, 0U);
    EXPECT_EQ(log_.text(), "");
    EXPECT_TRUE(sender.is_running());
}

TEST_F(SenderTest, sets_refused_batches_aside_and_goes_on) {
    const ScriptedServer server(after_settings([](int number, const HttpRequest&) {
        return number % 2 == 0 ? reply(400, "Code: 27. DB::Exception: Cannot parse\n") : reply(200);
    }));
    auto spool = opened(path_);
    for (std::uint64_t i = 1; i <= 4; ++i) add(spool, i);
    const auto names = files();
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(rejected(), (std::vector<std::string>{names[0], names[0] + ".error", names[2],
                                                    names[2] + ".error"}));
    EXPECT_EQ(file_text(path_ + "/rejected/" + names[0] + ".error"),
              "Code: 27. DB::Exception: Cannot parse\n");
    EXPECT_EQ(sender.counts().rejected_rows, 1U + 3U);
    EXPECT_EQ(sender.counts().sent_rows, 2U + 4U);
    EXPECT_EQ(sender.counts().failed_tries, 0U);
    EXPECT_EQ(log_.count("refuses a batch"), 1U) << log_.text();
}

TEST_F(SenderTest, sends_what_is_for_other_tables_than_the_one_that_is_missing) {
    std::atomic<bool> is_there = false;
    const ScriptedServer server(after_settings([&](int, const HttpRequest& request) {
        const bool is_missing = !is_there && request.head.find("minutes") != std::string::npos;
        return is_missing ? reply(404, "Code: 60. DB::Exception: Table net.minutes doesn't exist")
                          : reply(200);
    }));
    auto spool = opened(path_);
    for (const char* table : {"minutes", "ends", "minutes", "ends", "findings"})
        ASSERT_TRUE(spool.add(table, 1, "{}\n"));
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return sender.counts().sent_rows == 3; }));
    ASSERT_TRUE(spool.add("ends", 1, "{}\n"));
    EXPECT_TRUE(becomes([&] { return sender.counts().sent_rows == 4; }));
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= 4; }));
    EXPECT_EQ(sender.counts().trouble, SendTrouble::no_table);
    EXPECT_EQ(spool.counts().batches, 2U);
    EXPECT_EQ(log_.count("cannot send to "), 1U) << log_.text();
    EXPECT_EQ(log_.count("answers again"), 0U) << log_.text();
    is_there = true;
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 6U);
    EXPECT_EQ(sender.counts().trouble, SendTrouble::none);
    EXPECT_EQ(log_.count("answers again"), 1U) << log_.text();
    EXPECT_TRUE(rejected().empty());
}

TEST_F(SenderTest, tries_again_what_cant_be_sent_now) {
    for (const HttpReply& trouble :
         {reply(500, "Code: 999. DB::Exception: x"), reply(503), reply(429), reply(408), reply(401),
          reply(403), reply(404, "Code: 60. DB::Exception: Table net.ends doesn't exist"),
          HttpReply{"", {}}, HttpReply{"garbage\r\n\r\n", {}}}) {
        const ScriptedServer server(after_settings(
            [&](int number, const HttpRequest&) { return number < 3 ? trouble : reply(200); }));
        auto spool = opened(path_);
        add(spool, 5, "{\"a\":1}\n");
        add(spool, 6, "{\"a\":2}\n");
        auto sender = started(spool, options(server.port()));
        EXPECT_TRUE(drained(sender)) << trouble.bytes;
        EXPECT_TRUE(rejected().empty()) << trouble.bytes;
        const auto counts = sender.counts();
        EXPECT_EQ(counts.failed_tries, 3U) << trouble.bytes;
        EXPECT_EQ(counts.sent_rows, 11U);
        EXPECT_EQ(counts.trouble, SendTrouble::none);
        const auto tokens = tokens_of(server);
        ASSERT_EQ(tokens.size(), 5U);
        EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokens[0]), 4) << "the oldest first";
        EXPECT_NE(tokens[4], tokens[0]);
    }
}

TEST_F(SenderTest, sends_the_same_bytes_under_the_same_name_when_the_answer_is_lost) {
    // As a server that has inserted them, whose connection is cut then.
    const ScriptedServer server(after_settings([](int number, const HttpRequest&) {
        return number < 2 ? HttpReply{"", {}} : reply(200);
    }));
    auto spool = opened(path_);
    add(spool, 5, "{\"a\":1}\n");
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(drained(sender));
    std::set<std::pair<std::string, std::string>> seen;
    for (const HttpRequest& request : server.requests())
        if (!asks_for_settings(request)) seen.emplace(token_of(request), request.body);
    EXPECT_EQ(tokens_of(server).size(), 3U);
    EXPECT_EQ(seen.size(), 1U);
}

/// As a server with a defect that rows of a certain kind set off.
ScriptedServer::Script with_a_defect(const std::atomic<bool>& is_away) {
    return after_settings([&](int, const HttpRequest& request) {
        const bool is_bad = is_away || uncompressed(request.body).find("bad") != std::string::npos;
        return is_bad ? reply(500, "Code: 999. DB::Exception: a defect") : reply(200);
    });
}

TEST_F(SenderTest, sets_aside_what_the_server_fails_at_while_it_takes_others) {
    const std::atomic<bool> is_away = false;
    const ScriptedServer server(with_a_defect(is_away));
    auto spool = opened(path_);
    add(spool, 1, "bad 1\n");
    add(spool, 2, "bad 2\n");
    for (std::uint64_t i = 3; i <= 20; ++i) add(spool, i);
    const auto names = files();
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().rejected_rows, 3U);
    EXPECT_EQ(sender.counts().sent_rows, 210U - 3U);
    const std::string words = file_text(path_ + "/rejected/" + names[0] + ".error");
    EXPECT_EQ(words.find("Code: 999. DB::Exception: a defect (at each of "), 0U) << words;
    EXPECT_EQ(rejected().size(), 4U);
}

TEST_F(SenderTest, sets_nothing_aside_while_the_server_takes_nothing) {
    std::atomic<bool> is_away = true;
    const ScriptedServer server(with_a_defect(is_away));
    auto spool = opened(path_);
    for (std::uint64_t i = 1; i <= 20; ++i) add(spool, i);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= 30; }));
    EXPECT_EQ(spool.counts().batches, 20U);
    is_away = false;
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 210U);
    EXPECT_TRUE(rejected().empty());
}

TEST_F(SenderTest, a_batch_alone_is_tried_for_ever) {
    const std::atomic<bool> is_away = false;
    const ScriptedServer server(with_a_defect(is_away));
    auto spool = opened(path_);
    add(spool, 1, "bad\n");
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= 30; }));
    EXPECT_TRUE(rejected().empty());
    EXPECT_EQ(spool.counts().rows, 1U);
}

TEST_F(SenderTest, says_each_trouble_once_and_when_it_is_over) {
    std::atomic<int> status = 404;
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) {
        return reply(status, status == 404 ? "Code: 60. DB::Exception: no table" : "");
    }));
    auto spool = opened(path_);
    add(spool, 5);
    add(spool, 6);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= 4; }));
    EXPECT_EQ(sender.counts().trouble, SendTrouble::no_table);
    EXPECT_EQ(log_.count("no table"), 1U) << log_.text();
    EXPECT_EQ(log_.count("create the tables: tcpdwell export --schema | clickhouse-client -n"), 1U);
    status = 401;
    EXPECT_TRUE(becomes([&] { return sender.counts().trouble == SendTrouble::credentials; }));
    const auto tries = sender.counts().failed_tries;
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= tries + 3; }));
    EXPECT_EQ(log_.count("CLICKHOUSE_USER"), 1U) << log_.text();
    EXPECT_EQ(log_.count("answers again"), 0U);
    status = 200;
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(log_.count("answers again; 1 batches wait"), 1U) << log_.text();
    EXPECT_EQ(log_.count("\n"), 3U) << log_.text();
}

TEST_F(SenderTest, sends_what_waited_when_the_server_is_there_at_last) {
    const std::uint16_t port = free_port();
    auto spool = opened(path_);
    auto sender = started(spool, options(port));
    for (std::uint64_t i = 1; i <= 10; ++i) {
        add(spool, i);
        sender.wake();
    }
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries >= 3; }));
    EXPECT_EQ(sender.counts().trouble, SendTrouble::no_connection);
    EXPECT_EQ(spool.counts().rows, 55U);
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }),
                                port);
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 55U);
    EXPECT_EQ(tokens_of(server).size(), 10U);
}

// --- waiting

TEST(BackOff, doubles_up_to_its_limit_and_spreads) {
    const store::BackOff back_off;
    EXPECT_EQ(back_off.wait(1, 0), std::chrono::seconds(1));
    EXPECT_EQ(back_off.wait(2, 0), std::chrono::seconds(2));
    EXPECT_EQ(back_off.wait(9, 0), std::chrono::seconds(256));
    EXPECT_EQ(back_off.wait(10, 0), std::chrono::minutes(5));
    EXPECT_EQ(back_off.wait(~0ULL, 0), std::chrono::minutes(5));
    std::set<std::int64_t> tenths;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto time = back_off.wait(4, i * 0x9E3779B97F4A7C15U);
        EXPECT_GE(time, std::chrono::seconds(4));
        EXPECT_LE(time, std::chrono::seconds(8));
        tenths.insert(time / std::chrono::milliseconds(100));
    }
    EXPECT_GE(tenths.size(), 40U) << "evenly: each tenth of a second";
    EXPECT_EQ((store::BackOff{Nanoseconds(0), Nanoseconds(0)}).wait(5, 123), Nanoseconds(0));
}

TEST_F(SenderTest, a_new_batch_doesnt_cut_the_waiting_short_but_the_end_does) {
    const ScriptedServer server(after_settings(
        [](int number, const HttpRequest&) { return number == 0 ? reply(500) : reply(200); }));
    auto spool = opened(path_);
    add(spool, 1);
    auto slow = options(server.port());
    slow.back_off = {std::chrono::hours(1), std::chrono::hours(2)};
    auto sender = started(spool, slow);
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries == 1; }));
    add(spool, 2);
    sender.wake();
    pause(200ms);
    EXPECT_EQ(tokens_of(server).size(), 1U);
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 3U);
}

TEST_F(SenderTest, draining_ends_when_the_time_is_over_or_it_is_stopped) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(500); }));
    auto spool = opened(path_);
    add(spool, 1);
    auto sender = started(spool, options(server.port()));
    auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(drained(sender, 300ms));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, patience(5s));
    began = std::chrono::steady_clock::now();
    int asked = 0;
    const auto stopped = sender.drain(std::chrono::hours(1), [&] { return ++asked == 3; });
    ASSERT_TRUE(stopped);
    EXPECT_FALSE(*stopped);
    EXPECT_LT(std::chrono::steady_clock::now() - began, patience(5s));
    EXPECT_EQ(files().size(), 1U) << "it waits for the next start";
}

} // namespace
} // namespace tcpdwell::test
