// SPDX-License-Identifier: Apache-2.0
// The files that are written: whose they are, what is left of them when the program ends early, and
// what never lands in them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <set>
#include <thread>

#include "../golden/two_hosts.h"
#include "binary.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Files : public testing::Test {
protected:
    Files() { TwoHosts().record(folder.path()); }

    std::string path(const std::string& name) const { return (folder.path() / name).string(); }
    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            found.insert(entry.path().filename());
        return found;
    }
    /// A file of everybody's, and of another owner where we may make it so.
    void leave_foreign(const std::string& name) const {
        std::ofstream(path(name)) << std::string(4 << 20, 'x'); // longer than what replaces it
        ASSERT_EQ(::chmod(path(name).c_str(), 0666), 0);
        if (::geteuid() == 0) {
            ASSERT_EQ(::chown(path(name).c_str(), 65534, 65534), 0);
        }
    }
    void expect_private(const std::string& name) const {
        struct stat status {};
        ASSERT_EQ(::stat(path(name).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0600U);
        EXPECT_EQ(status.st_uid, ::geteuid());
    }

    TemporaryFolder folder;
};

TEST_F(Files, are_private_whatever_they_replace) {
    for (const bool exists : {false, true}) {
        if (exists) leave_foreign("copy.tdw");
        if (exists) leave_foreign("page.html");
        ASSERT_EQ(run_binary({"copy", "--force", "-r", path("client.tdw"), "-o", path("copy.tdw")})
                      .status,
                  0);
        ASSERT_EQ(
            run_binary({"report", "--force", "-r", path("client.tdw"), "--html", path("page.html")})
                .status,
            0);
        expect_private("copy.tdw");
        expect_private("page.html");
        EXPECT_THAT(text_of_file(path("page.html")), EndsWith("</html>\n"));
        EXPECT_LT(fs::file_size(path("copy.tdw")), std::size_t{4} << 20);
        EXPECT_EQ(run_binary({"info", path("copy.tdw")}).status, 0);
        fs::remove(path("copy.tdw"));
        fs::remove(path("page.html"));
    }
    EXPECT_EQ(names(), (std::set<std::string>{"client.tdw", "server.tdw"}));
}

TEST_F(Files, that_exist_are_not_overwritten_without_force) {
    std::ofstream(path("old")) << "earlier";
    const auto before = names();
    for (const std::vector<std::string>& words : {
             std::vector<std::string>{"copy", "-r", path("client.tdw"), "-o"},
             {"report", "-r", path("client.tdw"), "--html"},
             {"report", "--html"},
             {"record", "-o"},
             {"trace", "-w"},
             {"report", "-w"},
         }) {
        std::vector<std::string> with_file = words;
        with_file.push_back(path("old"));
        if (words.size() == 2) // would trace otherwise: this has to be refused before
            with_file.insert(with_file.end(), {"--", "touch", path("traced")});
        const Finished refused = run_binary(with_file);
        EXPECT_EQ(refused.status, 2) << words[0] << words.back();
        EXPECT_EQ(refused.out, "");
        EXPECT_EQ(refused.err, "tcpdwell: " + path("old") + " exists; --force overwrites it\n");
        EXPECT_EQ(text_of_file(path("old")), "earlier");
        EXPECT_EQ(names(), before);
    }
    // What is no file is written as it is.
    EXPECT_EQ(run_binary({"copy", "-r", path("client.tdw"), "-o", "/dev/null"}).status, 0);
    EXPECT_EQ(run_binary({"report", "-r", path("client.tdw"), "--html", "/dev/stdout"}).status, 0);
    EXPECT_EQ(run_binary({"copy", "-r", path("client.tdw"), "-o", "-"}).status, 0);
}

TEST_F(Files, stay_when_there_is_no_result) {
    std::ofstream(path("page.html")) << "earlier";
    std::ofstream(path("rubbish")) << "rubbish";
    const auto before = names();
    EXPECT_EQ(run_binary({"report", "--force", "-r", path("rubbish"), "--html", path("page.html")})
                  .status,
              1);
    EXPECT_EQ(text_of_file(path("page.html")), "earlier");
    EXPECT_EQ(names(), before);
}

TEST_F(Files, of_an_interrupted_copy_are_removed) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const Fd pipe(::open(path("pipe").c_str(), O_RDWR | O_CLOEXEC));
    const std::string text = text_of_file(path("client.tdw"));
    for (const int number : {SIGINT, SIGTERM}) {
        ASSERT_EQ(::write(pipe.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        const auto before = names();
        Program copy({tcpdwell_binary(), "copy", "-r", path("pipe"), "-o", path("copy.tdw")});
        for (int i = 0; i < 1000 && names() == before; ++i) std::this_thread::sleep_for(10ms);
        ASSERT_NE(names(), before);
        EXPECT_EQ(copy.stop(number, 10s), -1); // killed by it, as a shell expects
        EXPECT_EQ(names(), before);
    }
}

TEST_F(Files, of_a_recorder_that_cannot_trace_are_not_made) {
    std::ofstream(path("types")) << "no BTF";
    std::ofstream(path("old.tdw")) << "earlier";
    const auto before = names();
    for (const char* file : {"new.tdw", "old.tdw"}) {
        EXPECT_NE(
            run_binary({"record", "--force", "-o", path(file), "--btf", path("types"), "-d", "1"})
                .status,
            0);
        EXPECT_NE(
            run_binary({"trace", "--force", "-w", path(file), "--btf", path("types"), "-d", "1"})
                .status,
            0);
    }
    EXPECT_EQ(names(), before);
    EXPECT_EQ(text_of_file(path("old.tdw")), "earlier");
}

TEST_F(Files, hold_nothing_that_was_meant_for_a_closed_stdout) {
    for (const int closed : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        Program report({tcpdwell_binary(), "report", "--force", "-r", path("client.tdw"), "--html",
                        path("page.html")},
                       Program::Setting{.before_exec = [closed] { ::close(closed); }});
        EXPECT_EQ(report.wait(30s), closed == STDOUT_FILENO ? 1 : 0); // the text can't be written
        const std::string page = text_of_file(path("page.html"));
        EXPECT_THAT(page, StartsWith("<!"));
        EXPECT_EQ(page.find("tcpdwell report: "), std::string::npos);
    }
}

TEST_F(Files, what_cannot_be_written_is_an_error) {
    const std::vector<std::vector<std::string>> commands{
        {"--help"},  {"--version"},       {"help", "trace"},
        {"explain"}, {"trace", "--help"}, {"report", "-q", "-r", path("client.tdw")}};
    for (std::vector<std::string> words : commands) {
        words.insert(words.begin(), tcpdwell_binary());
        for (const char* out : {"/dev/full", ""}) {
            Program program(words, Program::Setting{.before_exec = [out] {
                                ::close(STDOUT_FILENO);
                                if (*out != 0) static_cast<void>(::open(out, O_WRONLY));
                            }});
            EXPECT_EQ(program.wait(30s), 1) << words[1] << out;
            EXPECT_THAT(program.said(), HasSubstr("cannot write the output: ")) << words[1] << out;
        }
    }
}

} // namespace
} // namespace tcpdwell::test
