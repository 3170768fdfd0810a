// SPDX-License-Identifier: Apache-2.0
// The command: which file it writes, which it refuses to, and what it says of that.
#include "cli/cmd_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../run/recorded_story.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class CmdCopy : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "copy.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder = pattern;
        synth::TrafficOptions options;
        options.stories = 20;
        write(in, contents_of(record_all(make_traffic(options).records).get()));
    }
    void TearDown() override { fs::remove_all(folder); }

    std::string name(const std::string& file) const { return (folder / file).string(); }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream(name(file), std::ios::binary) << text;
    }
    std::string read(const std::string& file) const {
        std::ifstream stream(name(file), std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    static Result<int> run(std::vector<std::string> words) {
        CLI::App app;
        const cli::Action action = cli::define_copy(app);
        words.emplace_back("-q");
        std::reverse(words.begin(), words.end());
        app.parse(std::move(words));
        return action();
    }
    Result<int> copy(const std::string& from, const std::string& to,
                     std::vector<std::string> more = {}) const {
        std::vector<std::string> words{"--force", "-r", name(from), "-o", name(to)};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
    recording::Head head_of(const std::string& file) const {
        const auto reader = recording::RecordingReader::open(name(file));
        EXPECT_TRUE(reader);
        return recording::head_from_json((*reader)->head_json());
    }

    fs::path folder;
    const std::string in = "in.tdw";
};

TEST_F(CmdCopy, writes_a_whole_recording_for_its_owner_only) {
    const mode_t old = ::umask(0);
    for (const char* anonymize : {"", "--anonymize"}) {
        const std::string out = std::string("out") + anonymize;
        EXPECT_EQ(
            copy(in, out,
                 *anonymize ? std::vector<std::string>{anonymize} : std::vector<std::string>{}),
            0);
        struct stat status {};
        ASSERT_EQ(::stat(name(out).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0600u);
        const auto back = read_back(read(out));
        EXPECT_FALSE(back.damage.any() || back.damage.cut_off);
        EXPECT_TRUE(head_of(out).copied);
        EXPECT_EQ(head_of(out).anonymized, *anonymize != '\0');
    }
    ::umask(old);
    EXPECT_EQ(head_of("out").host, "story");
    EXPECT_NE(head_of("out--anonymize").host, "story");
    EXPECT_NE(head_of("out--anonymize").boot_id, head_of("out").boot_id);
}

TEST_F(CmdCopy, has_a_number_of_its_own) {
    ASSERT_TRUE(copy(in, "out"));
    const auto run_of = [&](const std::string& file) {
        const auto reader = recording::RecordingReader::open(name(file));
        EXPECT_TRUE((*reader)->next());
        return (*reader)->block().run;
    };
    EXPECT_NE(run_of("out"), run_of(in));
    EXPECT_NE(run_of("out"), 0u);
}

TEST_F(CmdCopy, never_writes_to_what_it_reads) {
    const std::string before = read(in);
    fs::create_symlink(name(in), folder / "link");
    fs::create_hard_link(name(in), folder / "twin");
    for (const char* out : {"in.tdw", "link", "twin"}) {
        const auto done = copy(in, out);
        ASSERT_FALSE(done) << out;
        EXPECT_EQ(done.error().code, ErrorCode::usage);
        EXPECT_THAT(done.error().message, HasSubstr("which is to be read; give another file"));
        EXPECT_EQ(read(in), before);
    }
}

TEST_F(CmdCopy, replaces_what_was_there) {
    write("out", std::string(1 << 20, 'x'));
    ASSERT_TRUE(copy(in, "out"));
    EXPECT_FALSE(read_back(read("out")).damage.any());
    EXPECT_LT(read("out").size(), 1u << 20);
}

TEST_F(CmdCopy, leaves_nothing_and_harms_nothing_when_it_cannot) {
    write("precious", "precious");
    write("no.tdw", "no recording");
    for (const auto& [from, more] : std::vector<std::pair<std::string, std::vector<std::string>>>{
             {in, {"--since", "+300h"}}, {in, {"--since", "x"}}, {"no.tdw", {}}, {"missing", {}}}) {
        EXPECT_FALSE(copy(from, "out", more));
        EXPECT_FALSE(fs::exists(folder / "out")) << from;
        EXPECT_FALSE(copy(from, "precious", more));
        EXPECT_EQ(read("precious"), "precious");
    }
    const auto done = copy(in, "no/such/folder");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::failed);
    EXPECT_THAT(done.error().message, HasSubstr("cannot write"));
}

TEST_F(CmdCopy, strict_shows_damage) {
    std::string text = read(in);
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 0x55);
    write("spoilt", text);
    EXPECT_EQ(copy("spoilt", "out"), 0);
    int gaps = 0; // the copy isn't damaged, but says that something is missing
    const auto back = read_back(read("out"));
    for (std::size_t at = 0; at < back.records.size();) {
        td_header header;
        std::memcpy(&header, back.records.data() + at, sizeof(header));
        gaps += header.kind == TD_GAP ? 1 : 0;
        at += header.size;
    }
    EXPECT_EQ(gaps, 1);
    EXPECT_EQ(copy("spoilt", "out", {"--strict"}), 4);
    EXPECT_EQ(copy(in, "out", {"--strict"}), 0);
}

} // namespace
} // namespace tcpdwell::test
