// SPDX-License-Identifier: Apache-2.0
// Small files that unpack to a great deal: whatever a view does with them, it takes no more memory
// than a reader may, ends within seconds, and says what it has left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../unit/recording/bounded_run.h"
#include "binary.h"
#include "support/hostile_recordings.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

/// CPU seconds, without optimisation and on a slow machine.
constexpr rlim_t kMostSeconds = 60;

class Bombs : public testing::Test {
protected:
    void keep(const std::string& bomb) {
        ASSERT_LT(bomb.size(), 2U << 20);
        std::ofstream(file, std::ios::binary) << bomb;
    }

    /// Runs it with stdout to a file; what it says on stderr.
    std::string view(const std::vector<std::string>& words) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            const rlimit time{kMostSeconds, kMostSeconds};
            ::setrlimit(RLIMIT_CPU, &time);
            if (!std::freopen(path("out").c_str(), "w", stdout) ||
                !std::freopen(path("err").c_str(), "w", stderr))
                ::_exit(99);
            const std::string binary = tcpdwell_binary();
            std::vector<char*> arguments{const_cast<char*>(binary.c_str())};
            for (const std::string& word : words)
                arguments.push_back(const_cast<char*>(word.c_str()));
            arguments.push_back(nullptr);
            ::execvp(binary.c_str(), arguments.data());
            ::_exit(99);
        }
        int status = 0;
        rusage used{};
        EXPECT_EQ(::wait4(pid, &status, 0, &used), pid);
        EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
        EXPECT_EQ(WEXITSTATUS(status), 0) << text_of_file(path("err"));
        EXPECT_TRUE(!kMemoryCanBeLimited || used.ru_maxrss < static_cast<long>(kMostMemory >> 10))
            << used.ru_maxrss;
        return text_of_file(path("err"));
    }
    [[nodiscard]] std::string path(const std::string& name) const { return folder.path() / name; }

    /// Each view that keeps something says what it has left out.
    void view_each(const std::vector<std::vector<std::string>>& views) {
        for (std::vector<std::string> words : views) {
            SCOPED_TRACE(words.front() + " " + words[1]);
            words.insert(words.end(), {"-r", file});
            EXPECT_THAT(view(words),
                        AnyOf(HasSubstr("dropped for want of room"), HasSubstr("blocks left out")));
        }
    }
    void view_all() {
        view_each({{"report", "-f", "text"},
                   {"report", "-f", "json", "--force", "--html", path("page")},
                   {"trace", "-f", "jsonl"},
                   {"trace", "-c", "--idle", "-f", "csv"},
                   {"copy", "--since", "+50s", "--force", "-o", path("copy")}});
        SCOPED_TRACE("what looks at records alone");
        view({"info", file});
        view({"copy", "--anonymize", "--force", "-o", path("copy"), "-r", file});
    }
    /// Those that keep the most: for bombs of so many records that each takes seconds.
    void view_some() {
        view_each({{"report", "-f", "json", "--force", "--html", path("page")},
                   {"copy", "--since", "+50s", "--force", "-o", path("copy")}});
    }

    TemporaryFolder folder;
    std::string file = path("bomb.tdw");
};

TEST_F(Bombs, long_facts_about_the_host) {
    keep(bomb_of_facts(3000, 60'000, true));
    view_all();
}

TEST_F(Bombs, long_facts_about_a_namespace) {
    keep(bomb_of_facts(3000, 60'000, false));
    view_all();
}

TEST_F(Bombs, long_paths_of_cgroups) {
    keep(bomb_of_cgroups(3000, 60'000));
    view_all();
}

TEST_F(Bombs, facts_about_many_namespaces) {
    keep(bomb_of_namespace_facts(700'000));
    view_some();
}

TEST_F(Bombs, listings_of_many_namespaces) {
    keep(bomb_of_snapshots(1'500'000));
    view_some();
}

TEST_F(Bombs, connections_of_many_namespaces) {
    keep(bomb_of_namespaces(150'000));
    view_all();
}

TEST_F(Bombs, listings_that_each_look_for_what_is_gone) {
    keep(bomb_of_listings(40'000, 40'000));
    view({"report", "-f", "json", "-r", file});
    EXPECT_THAT(text_of_file(path("out")), HasSubstr("\"open\":40001,"));
}

TEST_F(Bombs, more_records_than_anybody_waits_for) {
    keep(bomb_of_unknown_records(600));
    EXPECT_THAT(view({"report", "-r", file}),
                AllOf(HasSubstr("blocks left out that hold more than their size allows"),
                      HasSubstr("hole")));
    view({"info", "-f", "json", file});
    EXPECT_THAT(text_of_file(path("out")), HasSubstr("\"swollen_blocks\":59"));
}

} // namespace
} // namespace tcpdwell::test
