// SPDX-License-Identifier: Apache-2.0
// What is asked of a server, and what its answers mean: true ones, wrong ones, none.
#include "store/client.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <thread>

#include "batches.h"
#include "store/partial_success.h"
#include "support/free_port.h"
#include "support/moment.h"

namespace tcpdwell::test {
namespace {

using store::SendOutcome;
using store::SendTrouble;

store::Client client_of(std::uint16_t port, store::ClientOptions options = {},
                        const std::string& credentials = "") {
    auto server = store::ServerUrl::parse("http://" + credentials +
                                          "127.0.0.1:" + std::to_string(port) + "/net");
    EXPECT_TRUE(server);
    auto client = store::Client::open(*server, std::move(options));
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
}

/// The answer to an insertion.
class Answering {
public:
    explicit Answering(HttpReply answer, store::ClientOptions options = {},
                       HttpReply settings = settings_reply())
        : server_([answer, settings](const HttpRequest& request) {
              return asks_for_settings(request) ? settings : answer;
          }),
          client_(client_of(server_.port(), std::move(options))) {}
    store::SendAnswer insert() { return client_.insert("ends", "batch-1", "gzip bytes"); }
    [[nodiscard]] std::vector<HttpRequest> requests() const { return server_.requests(); }

private:
    ScriptedServer server_;
    store::Client client_;
};

TEST(Client, sends_a_batch_as_it_is) {
    Answering answering(reply(200));
    const auto answer = answering.insert();
    EXPECT_EQ(answer.outcome, SendOutcome::accepted) << answer.words;
    EXPECT_EQ(answer.trouble, SendTrouble::none);
    const auto requests = answering.requests();
    ASSERT_EQ(requests.size(), 2U);
    const HttpRequest& insert = requests[1];
    EXPECT_EQ(insert.head.find("POST /?query=INSERT%20INTO%20net.ends%20FORMAT%20JSONEachRow&"), 0U)
        << insert.head;
    EXPECT_TRUE(insert.has("Content-Encoding: gzip\r\n"));
    EXPECT_TRUE(insert.has("input_format_skip_unknown_fields=1"));
    EXPECT_EQ(token_of(insert), "batch-1");
    EXPECT_FALSE(insert.has("async_insert"));
    EXPECT_FALSE(insert.has("Expect:"));
    EXPECT_FALSE(insert.has("X-ClickHouse-User"));
    EXPECT_EQ(insert.body, "gzip bytes");
    EXPECT_EQ(answering.insert().outcome, SendOutcome::accepted);
    EXPECT_EQ(answering.requests().size(), 3U) << "the settings are asked for once";
}

TEST(Client, uses_no_setting_that_the_server_doesnt_know) {
    store::ClientOptions options;
    options.gathers_inserts = true;
    Answering old(reply(200), options, reply(200, "input_format_skip_unknown_fields\n"));
    EXPECT_EQ(old.insert().outcome, SendOutcome::accepted);
    EXPECT_FALSE(old.requests()[1].has("insert_deduplication_token"));
    EXPECT_FALSE(old.requests()[1].has("async_insert"));
    Answering current(reply(200), options);
    EXPECT_EQ(current.insert().outcome, SendOutcome::accepted);
    EXPECT_TRUE(current.requests()[1].has("&async_insert=1&wait_for_async_insert=1"));
}

TEST(Client, gives_credentials_in_headers_only) {
    const ScriptedServer server([](const HttpRequest&) { return reply(200, "20.3.4\n"); });
    auto client = client_of(server.port(), {}, "me:s%2Fecret@");
    ASSERT_TRUE(client.version());
    const HttpRequest request = server.requests().at(0);
    EXPECT_TRUE(request.has("X-ClickHouse-User: me\r\n"));
    EXPECT_TRUE(request.has("X-ClickHouse-Key: s/ecret\r\n"));
    EXPECT_FALSE(request.has("Authorization"));
    EXPECT_EQ(request.head.find("POST / HTTP"), 0U);
}

TEST(Client, knows_the_version) {
    std::string text = "18.16.1\n";
    const ScriptedServer server([&](const HttpRequest&) { return reply(200, text); });
    auto client = client_of(server.port());
    auto version = client.version();
    ASSERT_TRUE(version);
    EXPECT_EQ(version->text, "18.16.1");
    EXPECT_TRUE(version->is_at_least(18, 16));
    EXPECT_TRUE(version->is_at_least(17, 99));
    EXPECT_FALSE(version->is_at_least(18, 17));
    EXPECT_FALSE(version->is_at_least(19, 0));
    for (const char* wrong : {"", "hello", "18", "18.", "<html>\n", ".5"}) {
        text = wrong;
        version = client.version();
        ASSERT_FALSE(version) << wrong;
        EXPECT_NE(version.error().message.find("no ClickHouse"), std::string::npos);
    }
}

TEST(Client, says_what_the_server_says) {
    const ScriptedServer server([](const HttpRequest&) {
        return reply(404, "Code: 60, e.displayText() = DB::Exception: Table \x1b[2J isn't.\n");
    });
    const auto answer = client_of(server.port()).query("SELECT 1 FROM no");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message,
              "ClickHouse at http://127.0.0.1:" + std::to_string(server.port()) +
                  "/net: Code: 60, e.displayText() = DB::Exception: Table \\x1b[2J isn't.");
}

TEST(Client, reads_what_a_collector_leaves_out) {
    const auto rejected = [](std::string_view answer) {
        return store::partial_success(answer).rejected_records;
    };
    EXPECT_EQ(rejected(R"({"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}})"), 3U);
    EXPECT_EQ(rejected(R"({"partialSuccess":{"rejectedLogRecords":4}})"), 4U);
    EXPECT_EQ(store::partial_success(
                  R"({"partialSuccess":{"rejectedLogRecords":1,"errorMessage":"\u001b[2J!"}})")
                  .words,
              "\\x1b[2J!");
    for (const std::string_view answer :
         {"", "{}", "[]", "ok", R"({"partialSuccess":{}})", R"({"partialSuccess":[1]})",
          R"({"partialSuccess":{"errorMessage":"a warning"}})",
          R"({"partialSuccess":{"rejectedLogRecords":-1}})",
          R"({"partialSuccess":{"rejectedLogRecords":"1x"}})",
          R"({"partialSuccess":{"rejectedLogRecords":null}})",
          R"({"partialSuccess":{"rejectedLogRecords":"99999999999999999999"}})"})
        EXPECT_EQ(rejected(answer), 0U) << answer;
    EXPECT_EQ(rejected(std::string(1 << 20, '[')), 0U);
}

TEST(Client, tells_what_is_about_the_batch_from_what_isnt) {
    struct Case {
        long status;
        unsigned code;
        SendOutcome outcome;
        SendTrouble trouble;
    };
    constexpr auto kLater = SendOutcome::not_now;
    for (const auto& [status, code, outcome, trouble] : {
             Case{200, 0, SendOutcome::accepted, SendTrouble::none},
             Case{200, 27, SendOutcome::refused, SendTrouble::batch_refused},
             Case{200, 1000, kLater, SendTrouble::server_error},
             Case{200, 241, kLater, SendTrouble::overloaded},
             Case{204, 0, kLater, SendTrouble::other_service},
             Case{302, 0, kLater, SendTrouble::other_service},
             Case{0, 0, kLater, SendTrouble::other_service},
             Case{400, 0, SendOutcome::refused, SendTrouble::batch_refused},
             Case{400, 62, kLater, SendTrouble::server_error},
             Case{400, 27, SendOutcome::refused, SendTrouble::batch_refused},
             Case{401, 0, kLater, SendTrouble::credentials},
             Case{403, 0, kLater, SendTrouble::credentials},
             Case{404, 0, kLater, SendTrouble::no_table},
             Case{404, 60, kLater, SendTrouble::no_table},
             Case{408, 0, kLater, SendTrouble::time_out},
             Case{413, 0, SendOutcome::refused, SendTrouble::batch_refused},
             Case{422, 0, SendOutcome::refused, SendTrouble::batch_refused},
             Case{429, 0, kLater, SendTrouble::overloaded},
             Case{500, 0, kLater, SendTrouble::server_error},
             Case{500, 354, SendOutcome::refused, SendTrouble::batch_refused},
             Case{500, 115, kLater, SendTrouble::server_error},
             Case{500, 193, kLater, SendTrouble::credentials},
             Case{500, 252, kLater, SendTrouble::overloaded},
             Case{500, 60, kLater, SendTrouble::no_table},
             Case{503, 0, kLater, SendTrouble::server_error},
         }) {
        const auto answer = store::judge_answer(status, code);
        EXPECT_EQ(answer.outcome, outcome) << status << " " << code;
        EXPECT_EQ(answer.trouble, trouble) << status << " " << code;
    }
}

TEST(Client, finds_an_exception_in_a_good_answer) {
    EXPECT_EQ(Answering(reply(200, "", "X-ClickHouse-Exception-Code: 27\r\n")).insert().outcome,
              SendOutcome::refused);
    EXPECT_EQ(Answering(reply(200, "", "x-clickhouse-exception-code: 241\r\n")).insert().trouble,
              SendTrouble::overloaded);
    EXPECT_EQ(Answering(reply(200, "Code: 27. DB::Exception: no")).insert().outcome,
              SendOutcome::refused);
    EXPECT_EQ(Answering(reply(200, "DB::Exception without a number")).insert().trouble,
              SendTrouble::server_error);
}

TEST(Client, takes_nobody_else_for_a_server) {
    EXPECT_EQ(Answering(reply(200, "<html>log in here</html>")).insert().trouble,
              SendTrouble::other_service);
    const auto empty = Answering(reply(200), {}, reply(200)).insert();
    EXPECT_EQ(empty.trouble, SendTrouble::other_service) << "all that it says is yes";
    const auto page = Answering(reply(200), {}, reply(405, "no POST here")).insert();
    EXPECT_EQ(page.outcome, SendOutcome::not_now);
    EXPECT_EQ(page.trouble, SendTrouble::other_service);
    EXPECT_NE(page.words.find("no POST here"), std::string::npos);
    const auto garbage = Answering({"\x01\x02garbage\r\n\r\n", {}}).insert();
    EXPECT_EQ(garbage.outcome, SendOutcome::not_now);
}

TEST(Client, follows_nobody_elsewhere) {
    const ScriptedServer other([](const HttpRequest&) { return reply(200); });
    Answering answering(
        reply(307, "", "Location: http://127.0.0.1:" + std::to_string(other.port()) + "/\r\n"));
    EXPECT_EQ(answering.insert().trouble, SendTrouble::other_service);
    EXPECT_TRUE(other.requests().empty());
}

TEST(Client, uses_no_proxy_of_the_environment) {
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    EXPECT_EQ(Answering(reply(200)).insert().outcome, SendOutcome::accepted);
    ::unsetenv("http_proxy");
}

TEST(Client, an_answer_that_breaks_off_is_none) {
    EXPECT_EQ(Answering({"", {}}).insert().trouble, SendTrouble::no_connection);
    EXPECT_EQ(
        Answering({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", {}}).insert().trouble,
        SendTrouble::no_connection);
    auto broken = Answering({"HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nhalf", {}});
    EXPECT_EQ(broken.insert().outcome, SendOutcome::not_now) << "not refused";
}

TEST(Client, reads_a_bounded_part_of_an_answer) {
    const std::string endless(1 << 20, 'x');
    auto answer = Answering(reply(200, endless)).insert();
    EXPECT_EQ(answer.trouble, SendTrouble::other_service);
    EXPECT_LT(answer.words.size(), 5000U);
    answer = Answering(reply(400, "Code: 27. DB::Exception: " + endless)).insert();
    EXPECT_EQ(answer.outcome, SendOutcome::refused);
    EXPECT_LE(answer.words.size(), 4096U);
    const ScriptedServer server([&](const HttpRequest&) { return reply(200, endless); });
    EXPECT_FALSE(client_of(server.port()).query("SELECT 1"));
}

TEST(Client, waits_no_longer_than_it_should) {
    store::ClientOptions options;
    options.time_limit = 300ms;
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    Answering answering(late, options);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(answering.insert().trouble, SendTrouble::time_out);
    EXPECT_LT(std::chrono::steady_clock::now() - began, patience(10s));
}

TEST(Client, can_be_stopped) {
    store::ClientOptions options;
    const auto began = std::chrono::steady_clock::now();
    options.is_stopped = [began] { return std::chrono::steady_clock::now() - began > 200ms; };
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    Answering answering(late, options);
    EXPECT_EQ(answering.insert().trouble, SendTrouble::stopped);
    EXPECT_LT(std::chrono::steady_clock::now() - began, patience(10s));
}

TEST(Client, says_that_nobody_is_there) {
    auto client = client_of(free_port());
    const auto answer = client.insert("ends", "batch-1", "x");
    EXPECT_EQ(answer.outcome, SendOutcome::not_now);
    EXPECT_EQ(answer.trouble, SendTrouble::no_connection);
    EXPECT_NE(answer.words.find("onnect"), std::string::npos) << answer.words;
    EXPECT_FALSE(client.version());
}

} // namespace
} // namespace tcpdwell::test
