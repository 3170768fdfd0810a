// SPDX-License-Identifier: Apache-2.0
// Batches arrive at a real ClickHouse once each, whatever is killed meanwhile; and what it refuses,
// and why, is understood. Debian's version: the oldest that is supported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "store/client.h"
#include "store/sender.h"
#include "support/free_port.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using store::SendOutcome;
using store::SendTrouble;

class ClickHouse : public testing::Test {
protected:
    void SetUp() override {
        if (find_program("clickhouse-server").empty()) {
            ASSERT_TRUE(may_be_missing());
            GTEST_SKIP() << "clickhouse-server is not installed";
        }
        const std::string home = folder_.path();
        std::ofstream(home + "/users.xml")
            << "<yandex><profiles><default/></profiles><users>"
               "<default><password>a secret</password><networks><ip>127.0.0.1</ip></networks>"
               "<profile>default</profile><quota>default</quota></default>"
               "</users><quotas><default/></quotas></yandex>";
        std::ofstream(home + "/config.xml")
            << "<yandex><logger><level>warning</level><console>1</console></logger><http_port>"
            << port_ << "</http_port><tcp_port>" << free_port()
            << "</tcp_port><listen_host>127.0.0.1</listen_host><path>" << home
            << "/data/</path><tmp_path>" << home << "/tmp/</tmp_path><user_files_path>" << home
            << "/files/</user_files_path><format_schema_path>" << home
            << "/formats/</format_schema_path><mark_cache_size>67108864</mark_cache_size>"
               "<users_config>users.xml</users_config><default_profile>default</default_profile>"
               "<default_database>default</default_database></yandex>";
        start();
        ask("CREATE DATABASE net");
        // As the tables of tcpdwell: a row that comes again replaces itself.
        ask("CREATE TABLE net.ends (id UInt64, word String) ENGINE = ReplacingMergeTree ORDER BY "
            "id");
    }
    void start() {
        server_ = std::make_unique<Program>(
            std::vector<std::string>{find_program("clickhouse-server"),
                                     "--config-file=" + (folder_.path() / "config.xml").string()});
        const auto end = std::chrono::steady_clock::now() + patience(std::chrono::seconds(60));
        while (!client().version() && std::chrono::steady_clock::now() < end) {
            ASSERT_FALSE(server_->has_ended()) << server_->said();
            pause(std::chrono::milliseconds(20));
        }
    }
    [[nodiscard]] store::ServerUrl url(const std::string& credentials = "default:a%20secret@",
                                       const std::string& database = "net") const {
        auto parsed = store::ServerUrl::parse(
            "http://" + credentials + "127.0.0.1:" + std::to_string(port_) + "/" + database);
        EXPECT_TRUE(parsed);
        return *parsed;
    }
    static store::Client client_of(const store::ServerUrl& url) {
        auto client = store::Client::open(url);
        EXPECT_TRUE(client);
        return std::move(*client);
    }
    [[nodiscard]] store::Client client() const { return client_of(url()); }
    std::string ask(const std::string& sql) const {
        auto answer = client().query(sql);
        EXPECT_TRUE(answer) << sql << ": " << answer.error().message;
        return answer.value_or("");
    }
    [[nodiscard]] store::Spool spool() const {
        auto spool = store::Spool::open(folder_.path() / "spool", 100 << 20);
        EXPECT_TRUE(spool);
        return std::move(*spool);
    }
    [[nodiscard]] store::Sender sender(const store::Spool& spool,
                                       const store::ServerUrl& server) const {
        store::SenderOptions options;
        options.server = server;
        options.back_off = {std::chrono::milliseconds(20), std::chrono::milliseconds(200)};
        auto sender = store::Sender::start(spool, options);
        EXPECT_TRUE(sender);
        return std::move(*sender);
    }
    static void add(store::Spool& spool, const std::string& lines, const char* table = "ends") {
        ASSERT_TRUE(spool.add(table, 1, lines));
    }
    /// Waits for the first that fails, and ends the sender.
    [[nodiscard]] SendTrouble trouble_at(const store::ServerUrl& server,
                                         const char* table = "ends") const {
        auto batches = spool();
        add(batches, "{\"id\":1,\"word\":\"a\"}\n", table);
        auto sending = sender(batches, server);
        EXPECT_FALSE(sending.drain(std::chrono::seconds(2)).value_or(true));
        EXPECT_EQ(batches.counts().batches, 1U) << "waits";
        const SendTrouble trouble = sending.counts().trouble;
        EXPECT_EQ(sending.counts().rejected_batches, 0U);
        fs::remove_all(folder_.path() / "spool");
        return trouble;
    }

    TemporaryFolder folder_;
    std::uint16_t port_ = free_port();
    std::unique_ptr<Program> server_;
};

TEST_F(ClickHouse, has_a_version_and_takes_batches) {
    const auto version = client().version();
    ASSERT_TRUE(version) << version.error().message;
    EXPECT_TRUE(version->is_at_least(18, 16)) << version->text;
    auto batches = spool();
    auto sending = sender(batches, url());
    add(batches,
        "{\"id\":1,\"word\":\"a\",\"later\":[1,{\"x\":null}]}\n{\"word\":\"b\",\"id\":2}\n");
    add(batches, "{\"id\":3}\n");
    sending.wake();
    EXPECT_TRUE(sending.drain(patience(std::chrono::seconds(20))).value_or(false));
    EXPECT_EQ(ask("SELECT id, word FROM net.ends ORDER BY id"), "1\ta\n2\tb\n3\t\n")
        << "a column that it doesn't know is skipped, one that is missing has its default";
    EXPECT_EQ(sending.counts().failed_tries, 0U);
}

TEST_F(ClickHouse, refuses_what_it_cant_read) {
    auto batches = spool();
    add(batches, "{\"id\":\"none\"}\n");
    add(batches, "no JSON\n");
    add(batches, "{\"id\":7}\n");
    // What isn't gzip at all, with the name of a batch.
    const std::string damaged = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5.json.gz";
    std::ofstream(folder_.path() / "spool" / damaged) << "garbage";
    auto sending = sender(batches, url());
    EXPECT_TRUE(sending.drain(patience(std::chrono::seconds(20))).value_or(false));
    EXPECT_EQ(ask("SELECT id FROM net.ends"), "7\n");
    EXPECT_EQ(sending.counts().rejected_batches, 3U);
    std::size_t explained = 0;
    for (const auto& each : fs::directory_iterator(folder_.path() / "spool" / "rejected")) {
        if (each.path().extension() != ".error") continue;
        std::string words;
        std::getline(std::ifstream(each.path()), words);
        EXPECT_THAT(words, testing::HasSubstr("DB::Exception"));
        ++explained;
    }
    EXPECT_EQ(explained, 3U);
}

TEST_F(ClickHouse, trouble_with_the_server_sets_nothing_aside) {
    EXPECT_EQ(trouble_at(url("default:wrong@")), SendTrouble::credentials);
    EXPECT_EQ(trouble_at(url("nobody:a%20secret@")), SendTrouble::credentials);
    EXPECT_EQ(trouble_at(url("")), SendTrouble::credentials);
    EXPECT_EQ(trouble_at(url("default:a%20secret@", "missing")), SendTrouble::no_table);
    EXPECT_EQ(trouble_at(url(), "minutes"), SendTrouble::no_table);
    EXPECT_EQ(server_->stop(SIGKILL, std::chrono::seconds(10)), -1);
    EXPECT_EQ(trouble_at(url()), SendTrouble::no_connection);
}

TEST_F(ClickHouse, has_each_row_once_though_it_was_killed) {
    constexpr std::uint64_t kBatches = 150;
    constexpr std::uint64_t kRows = 50;
    auto batches = spool();
    auto sending = sender(batches, url());
    for (std::uint64_t i = 0; i < kBatches; ++i) {
        std::string lines;
        for (std::uint64_t row = i * kRows; row < (i + 1) * kRows; ++row)
            lines += "{\"id\":" + std::to_string(row) + ",\"word\":\"w\"}\n";
        add(batches, lines);
        sending.wake();
        if (i % 30 == 29) {
            EXPECT_EQ(server_->stop(SIGKILL, std::chrono::seconds(10)), -1);
            start();
        }
    }
    EXPECT_TRUE(sending.drain(patience(std::chrono::seconds(60))).value_or(false));
    EXPECT_GT(sending.counts().failed_tries, 0U) << "it was away";
    EXPECT_EQ(sending.counts().rejected_batches, 0U);
    EXPECT_EQ(ask("SELECT count(), uniqExact(id), max(id) FROM net.ends FINAL"),
              "7500\t7500\t7499\n");
}

} // namespace
} // namespace tcpdwell::test
