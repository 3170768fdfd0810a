// SPDX-License-Identifier: Apache-2.0
// Spellings in which a word is found, and what is proposed for one that isn't.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "explain/explain.h"

namespace tcpdwell::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// "topic:word" of everything that is found.
std::vector<std::string> found(std::string_view word) {
    std::vector<std::string> out;
    for (const explain::Explanation* e : explain::explain(word))
        out.push_back(std::string(name(e->topic)) + ":" + std::string(e->word));
    return out;
}

TEST(LookUp, StatesInEverySpelling) {
    for (const std::string_view word : {"FIN_WAIT2", "fin_wait2", "FIN-WAIT-2", "fin-wait-2",
                                        "Fin_Wait_2", "finwait2", "fin wait 2"})
        EXPECT_THAT(found(word), ElementsAre("state:FIN_WAIT2")) << word;
}

TEST(LookUp, StatesAsOthersCallThem) {
    EXPECT_THAT(found("SYN-RECEIVED"), ElementsAre("state:SYN_RECV"));
    EXPECT_THAT(found("ESTAB"), ElementsAre("state:ESTABLISHED"));
    EXPECT_THAT(found("UNCONN"), ElementsAre("state:CLOSE"));
    EXPECT_THAT(found("2MSL"), ElementsAre("state:TIME_WAIT"));
    EXPECT_THAT(found("CLOSED"), ElementsAre("state:CLOSE", "column:closed"));
}

TEST(LookUp, AWordOfTwoTopics) {
    EXPECT_THAT(found("time-wait"), ElementsAre("state:TIME_WAIT", "column:time_wait"));
}

TEST(LookUp, SysctlsByAllTheirNames) {
    for (const std::string_view word :
         {"tcp_syn_retries", "net.ipv4.tcp_syn_retries", "net/ipv4/tcp_syn_retries",
          "/proc/sys/net/ipv4/tcp_syn_retries", "TCP_SYN_RETRIES", "tcp-syn-retries"})
        EXPECT_THAT(found(word), ElementsAre("sysctl:net.ipv4.tcp_syn_retries")) << word;
}

TEST(LookUp, ASysctlBringsTheMythsAboutIt) {
    EXPECT_THAT(found("tcp_tw_recycle"),
                ElementsAre("sysctl:net.ipv4.tcp_tw_recycle", "myth:tw_recycle_cures_time_wait"));
    EXPECT_THAT(found("tcp_fin_timeout"), Contains("myth:fin_timeout_shortens_time_wait"));
    EXPECT_THAT(found("tcp_tw_reuse"), Contains("myth:tw_reuse_helps_servers"));
}

TEST(LookUp, ThresholdsAndPathsOfKeys) {
    EXPECT_THAT(found("close_wait_leak.age"), ElementsAre("finding:close_wait_leak"));
    EXPECT_THAT(found("time_wait.end.recycled"), ElementsAre("ending:recycled"));
    EXPECT_THAT(found("time_wait.peak"), ElementsAre("column:peak"));
    EXPECT_THAT(found("p99_ns"), ElementsAre("column:p50_ns"));
}

TEST(LookUp, MythsByTheirWord) {
    EXPECT_THAT(found("2msl-is-4-minutes"), ElementsAre("myth:2msl_is_4_minutes"));
}

TEST(LookUp, UnknownWords) {
    for (const std::string_view word :
         {"", " ", "-", "...", "TIME_WAI", "tcp_", "net.ipv4.", "\xc3\xa9", "no_such_word"})
        EXPECT_THAT(found(word), IsEmpty()) << word;
}

TEST(LookUp, EveryWordFindsItself) {
    for (const explain::Explanation& e : explain::explanations()) {
        const auto all = explain::explain(e.word);
        EXPECT_NE(std::find(all.begin(), all.end(), &e), all.end()) << e.word;
    }
}

TEST(Topics, SingularAndPlural) {
    for (const explain::Topic topic :
         {explain::Topic::state, explain::Topic::ending, explain::Topic::finding,
          explain::Topic::sysctl, explain::Topic::column, explain::Topic::myth}) {
        const std::string word(name(topic));
        EXPECT_EQ(explain::topic_from_name(word), topic);
        EXPECT_EQ(explain::topic_from_name(word + "s"), topic);
    }
    EXPECT_EQ(explain::topic_from_name("MYTHS"), explain::Topic::myth);
    EXPECT_EQ(explain::topic_from_name("mythology"), std::nullopt);
    EXPECT_EQ(explain::topic_from_name(""), std::nullopt);
}

TEST(Similar, SlipsOfTheFinger) {
    EXPECT_EQ(explain::similar_words("TIME_WIAT").at(0), "TIME_WAIT"); // swapped
    EXPECT_EQ(explain::similar_words("tiem-wait").at(0), "TIME_WAIT");
    EXPECT_EQ(explain::similar_words("FIN_WAIT3").at(0), "FIN_WAIT1");
    EXPECT_EQ(explain::similar_words("tcp_fin_timout").at(0), "tcp_fin_timeout");
    EXPECT_EQ(explain::similar_words("net.ipv4.tcp_fin_timout").at(0), "tcp_fin_timeout");
    EXPECT_EQ(explain::similar_words("reset_recieved").at(0), "reset_received");
}

TEST(Similar, PartsOfWords) {
    EXPECT_THAT(explain::similar_words("recycle"), Contains("tcp_tw_recycle"));
    EXPECT_THAT(explain::similar_words("port_range"), ElementsAre("ip_local_port_range"));
    EXPECT_THAT(explain::similar_words("linger"), Contains("so_linger_zero"));
}

TEST(Similar, AtMostThreeAndNoneTwice) {
    const auto words = explain::similar_words("tcp");
    EXPECT_THAT(words, SizeIs(3));
    EXPECT_NE(words[0], words[1]);
    EXPECT_NE(words[1], words[2]);
    EXPECT_NE(words[0], words[2]);
}

TEST(Similar, NothingAtAll) {
    EXPECT_THAT(explain::similar_words("zzzzqq"), IsEmpty());
    EXPECT_THAT(explain::similar_words(""), IsEmpty());
    EXPECT_THAT(explain::similar_words("--"), IsEmpty());
}

} // namespace
} // namespace tcpdwell::test
