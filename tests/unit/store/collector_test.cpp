// SPDX-License-Identifier: Apache-2.0
// What the answers of a collector of OpenTelemetry mean (OTLP 1.5, "OTLP/HTTP Response"), and what
// becomes of the batch.
#include <algorithm>
#include <atomic>
#include <utility>

#include "sender_case.h"

namespace tcpdwell::test {
namespace {

using store::SendOutcome;
using store::SendTrouble;

class CollectorTest : public SenderTest {
protected:
    static store::Client client_of(std::uint16_t port) {
        auto server = store::ServerUrl::parse("http://127.0.0.1:" + std::to_string(port),
                                              store::ServerKind::otlp);
        EXPECT_TRUE(server);
        auto client = store::Client::open(std::move(*server));
        EXPECT_TRUE(client);
        return std::move(*client);
    }
    static store::SendAnswer answer_to(const HttpReply& answer) {
        const ScriptedServer server([&](const HttpRequest&) { return answer; });
        return client_of(server.port()).insert("otlp", "batch-1", "gzip");
    }
    [[nodiscard]] store::SenderOptions to_collector(std::uint16_t port) const {
        store::SenderOptions sending = options(port);
        sending.server.kind = store::ServerKind::otlp;
        sending.server.path = "/v1/logs";
        return sending;
    }
};

TEST_F(CollectorTest, only_four_statuses_ask_for_another_try) {
    for (int status = 100; status < 600; ++status) {
        const auto answer = store::judge_collector(status);
        const bool may_try_again = status == 429 || (status >= 502 && status <= 504);
        EXPECT_EQ(answer.outcome == SendOutcome::accepted, status / 100 == 2) << status;
        EXPECT_EQ(answer.outcome == SendOutcome::refused, status >= 400 && !may_try_again)
            << status;
    }
    EXPECT_EQ(store::judge_collector(0).outcome, SendOutcome::not_now);
    EXPECT_EQ(store::judge_collector(429).trouble, SendTrouble::overloaded);
    EXPECT_EQ(store::judge_collector(307).trouble, SendTrouble::other_service);
}

TEST_F(CollectorTest, no_exception_of_clickhouse_is_looked_for) {
    const auto answer = answer_to(reply(503, "Code: 27. DB::Exception: of a server behind it"));
    EXPECT_EQ(answer.outcome, SendOutcome::not_now);
    EXPECT_FALSE(answer.may_be_batch);
    EXPECT_EQ(answer_to(reply(200, "Code: 27. DB::Exception: no")).outcome, SendOutcome::accepted);
}

TEST_F(CollectorTest, retry_after_is_read_and_bounded) {
    EXPECT_EQ(answer_to(reply(503)).retry_after, 0s);
    EXPECT_EQ(answer_to(reply(503, "", "Retry-After: 7\r\n")).retry_after, 7s);
    EXPECT_EQ(answer_to(reply(429, "", "Retry-After: 99999999999\r\n")).retry_after, 1h);
    EXPECT_EQ(answer_to(reply(503, "", "Retry-After: soon\r\n")).retry_after, 0s);
    EXPECT_EQ(answer_to(reply(503, "", "Retry-After: -5\r\n")).retry_after, 0s);
    // A moment as HTTP writes it, which is past.
    EXPECT_EQ(
        answer_to(reply(503, "", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n")).retry_after,
        0s);
}

TEST_F(CollectorTest, a_batch_is_tried_again_or_set_aside) {
    for (const int status : {429, 502, 503, 504, 400, 401, 404, 408, 413, 500, 501}) {
        const bool may_try_again = store::judge_collector(status).outcome == SendOutcome::not_now;
        std::atomic<int> number = 0;
        const ScriptedServer server(
            [&](const HttpRequest&) { return number++ == 0 ? reply(status) : reply(200, "{}"); });
        auto spool = opened(path_ + std::to_string(status));
        add(spool, 5, "first\n");
        add(spool, 6, "second\n");
        auto sender = started(spool, to_collector(server.port()));
        EXPECT_TRUE(drained(sender)) << status;
        const auto counts = sender.counts();
        EXPECT_EQ(counts.sent_rows, may_try_again ? 11U : 6U) << status;
        EXPECT_EQ(counts.rejected_rows, may_try_again ? 0U : 5U) << status;
        EXPECT_EQ(counts.failed_tries, may_try_again ? 1U : 0U) << status;
        const auto requests = server.requests();
        EXPECT_EQ(requests.size(), may_try_again ? 3U : 2U) << status;
        EXPECT_EQ(requests[0].head.find("POST /v1/logs HTTP"), 0U) << requests[0].head;
        EXPECT_EQ(requests[0].body == requests[1].body, may_try_again) << status;
    }
}

TEST_F(CollectorTest, no_try_comes_before_the_time_that_it_asks_for) {
    std::vector<std::chrono::steady_clock::time_point> tries;
    const ScriptedServer server([&](const HttpRequest&) {
        tries.push_back(std::chrono::steady_clock::now());
        return tries.size() == 1 ? reply(503, "", "Retry-After: 1\r\n") : reply(200, "{}");
    });
    auto spool = opened(path_);
    add(spool, 5);
    auto sender = started(spool, to_collector(server.port()));
    EXPECT_TRUE(becomes([&] { return sender.counts().failed_tries == 1; }));
    EXPECT_TRUE(drained(sender)); // which else cuts the waiting short
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_GE(tries[1] - tries[0], 1s);
    EXPECT_EQ(sender.counts().sent_rows, 5U);
}

TEST_F(CollectorTest, counts_what_it_takes_a_request_without) {
    const ScriptedServer server([](const HttpRequest&) {
        return reply(200, R"({"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"old"}})");
    });
    auto spool = opened(path_);
    for (std::uint64_t rows = 1; rows <= 4; ++rows) add(spool, rows);
    auto sender = started(spool, to_collector(server.port()));
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_batches, 4U);
    EXPECT_EQ(sender.counts().rejected_rows, 1U + 2U + 2U + 2U) << "no more than there are";
    EXPECT_EQ(sender.counts().sent_rows, 1U + 2U);
    EXPECT_TRUE(rejected().empty());
    EXPECT_EQ(server.requests().size(), 4U) << "none is sent again";
    EXPECT_EQ(log_.count("takes a batch without "), 1U) << log_.text();
    EXPECT_EQ(log_.count("rows, which are lost, as others may be: old"), 1U) << log_.text();
}

TEST_F(CollectorTest, a_warning_is_logged_once_and_costs_no_rows) {
    const ScriptedServer server([](const HttpRequest&) {
        return reply(200, R"({"partialSuccess":{"errorMessage":"too many attributes"}})");
    });
    auto spool = opened(path_);
    add(spool, 3);
    add(spool, 4);
    auto sender = started(spool, to_collector(server.port()));
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 7U);
    EXPECT_EQ(sender.counts().rejected_rows, 0U);
    EXPECT_EQ(log_.count("accepts what is sent, and says: too many attributes"), 1U) << log_.text();
}

} // namespace
} // namespace tcpdwell::test
