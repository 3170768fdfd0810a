// SPDX-License-Identifier: Apache-2.0
// report and trace over recordings of several hosts, from outside: errors, exit status, files and
// pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "../golden/two_hosts.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Ended {
    int status;
    std::string out;
    std::string err;
};

class Hosts : public testing::Test {
protected:
    void SetUp() override {
        folder = (std::filesystem::temp_directory_path() / "tcpdwell-hosts-XXXXXX").string();
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        TwoHosts().record(folder);
    }
    void TearDown() override { std::filesystem::remove_all(folder); }

    [[nodiscard]] std::string text_of(const std::string& file) const {
        std::ifstream in(folder + "/" + file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    [[nodiscard]] Ended tcpdwell(const std::string& arguments) const {
        const char* binary = std::getenv("TCPDWELL");
        const std::string command = "cd " + folder + " && " + (binary ? binary : "tcpdwell") + " " +
                                    arguments + " >out 2>err";
        const int status = std::system(command.c_str()); // NOLINT(concurrency-mt-unsafe)
        return {WEXITSTATUS(status), text_of("out"), text_of("err")};
    }
    /// Another run, a minute later.
    void record_again(const char* file, RecordedHost host, const std::string& boot_id) const {
        host.boot_id = boot_id;
        host.run = 8;
        host.clock.mono += std::chrono::minutes(1);
        host.clock.wall += std::chrono::minutes(1);
        record(std::filesystem::path(folder) / file, host, synth::GeneratedConnection{});
    }

    std::string folder;
};

TEST_F(Hosts, trace_reads_one_at_a_time_and_says_who_takes_several) {
    const Ended ended = tcpdwell("trace -r client.tdw server.tdw");
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr("server.tdw is of another host"));
    EXPECT_THAT(ended.err, HasSubstr("only report takes several hosts at once"));
}

TEST_F(Hosts, an_interval_takes_one_host_at_a_time) {
    const Ended ended = tcpdwell("report -i 10s -r client.tdw server.tdw");
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr("--interval takes one host at a time"));
    EXPECT_EQ(tcpdwell("report -i 10s -r client.tdw").status, 0);
}

TEST_F(Hosts, each_report_is_that_of_the_host_alone) {
    const Ended all = tcpdwell("report -f json -r client.tdw server.tdw");
    ASSERT_EQ(all.status, 0) << all.err;
    EXPECT_THAT(all.err, HasSubstr("of 2 hosts seen"));
    for (const char* file : {"client.tdw", "server.tdw"}) {
        std::string alone = tcpdwell(std::string("report -f json -r ") + file).out;
        alone.pop_back(); // the line's end
        EXPECT_THAT(all.out, HasSubstr(alone));
        EXPECT_THAT(tcpdwell("report -r client.tdw server.tdw").out,
                    HasSubstr(tcpdwell(std::string("report -r ") + file).out));
    }
}

TEST_F(Hosts, files_of_one_boot_are_one_host_wherever_they_stand) {
    record_again("client_2.tdw", kClientHost, kClientHost.boot_id);
    const Ended ended = tcpdwell("report -r client_2.tdw server.tdw client.tdw");
    EXPECT_THAT(ended.out, HasSubstr("Host 1 of 2: client-1"));
    EXPECT_THAT(ended.out, HasSubstr("client_2.tdw client.tdw"));
    EXPECT_THAT(tcpdwell("report -r client.tdw client_2.tdw").out, Not(HasSubstr("Host 1")));
}

TEST_F(Hosts, another_boot_of_a_host_has_a_name_of_its_own) {
    record_again("boot_2.tdw", kClientHost, "33333333-3333-4333-8333-333333333333");
    const Ended ended = tcpdwell("report -r client.tdw boot_2.tdw");
    EXPECT_THAT(ended.out, HasSubstr("Host 1 of 2: client-1 "));
    EXPECT_THAT(ended.out, HasSubstr("Host 2 of 2: client-1#2 "));
}

TEST_F(Hosts, a_file_that_names_no_boot_is_a_host_of_its_own_and_that_is_said) {
    record_again("nameless.tdw", kClientHost, "");
    const Ended ended = tcpdwell("report -r client.tdw nameless.tdw");
    EXPECT_EQ(ended.status, 0);
    EXPECT_THAT(ended.err, HasSubstr("nameless.tdw doesn't say which boot of which host it is of"));
    EXPECT_THAT(ended.out, HasSubstr("Host 2 of 2"));
    EXPECT_THAT(tcpdwell("report -r nameless.tdw").err, Not(HasSubstr("which boot")));
}

TEST_F(Hosts, damage_of_one_counts_for_all) {
    std::string spoilt = text_of("server.tdw");
    spoilt.insert(spoilt.size() / 2, "rubbish");
    std::ofstream(folder + "/server.tdw", std::ios::binary) << spoilt;
    EXPECT_EQ(tcpdwell("report -r client.tdw server.tdw").status, 0);
    const Ended strict = tcpdwell("report --strict -r client.tdw server.tdw");
    EXPECT_EQ(strict.status, 4);
    EXPECT_THAT(strict.err, HasSubstr("the recording is damaged"));
    EXPECT_EQ(tcpdwell("report --strict -r client.tdw").status, 0);
}

/// Each word of E is explained.
template <class E>
void expect_meanings(const std::string& words) {
    for (const E value : kAllOf<E>)
        EXPECT_THAT(words, HasSubstr('"' + std::string(name(value)) + "\":\""));
}

TEST_F(Hosts, the_page_holds_what_the_json_does) {
    const Ended ended = tcpdwell("report -f json --html page.html -r client.tdw server.tdw");
    ASSERT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.out, StartsWith("{\"hosts\":["));
    const std::string page = text_of("page.html");
    EXPECT_THAT(page, HasSubstr(ended.out.substr(0, ended.out.size() - 1)));
    const std::string words = page.substr(page.find("id=\"words\">"));
    expect_meanings<tcp::State>(words);
    expect_meanings<tcp::Ending>(words);
    expect_meanings<tcp::ClosedFirst>(words);
}

} // namespace
} // namespace tcpdwell::test
