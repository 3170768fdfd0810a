// SPDX-License-Identifier: Apache-2.0
// Files that describe types, and files that don't.
#include "live/kernel_types.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;

class KernelTypesTest : public testing::Test {
protected:
    KernelTypesTest() { std::filesystem::create_directories(folder_); }
    ~KernelTypesTest() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string file(const std::string& name, std::string_view content) const {
        const std::string path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    /// struct sock { int a; }, and a tracepoint of `arguments` arguments, as a BTF file.
    [[nodiscard]] std::string types(int arguments) const {
        btf* made = btf__new_empty();
        const int number = btf__add_int(made, "int", 4, BTF_INT_SIGNED);
        btf__add_struct(made, "sock", 4);
        btf__add_field(made, "a", number, 0, 0);
        const int function = btf__add_func_proto(made, 0);
        for (int i = 0; i < arguments + 1; ++i) btf__add_func_param(made, "", number);
        btf__add_typedef(made, "btf_trace_event", btf__add_ptr(made, function));
        std::uint32_t size = 0;
        const void* data = btf__raw_data(made, &size);
        const std::string path = file("types", {static_cast<const char*>(data), size});
        btf__free(made);
        return path;
    }

    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("kernel_types." + std::to_string(::getpid()));
};

TEST_F(KernelTypesTest, FindsWhatIsThere) {
    for (const int arguments : {1, 3}) {
        const auto read = live::KernelTypes::read(types(arguments));
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_TRUE(read->has_member("sock", "a"));
        EXPECT_FALSE(read->has_member("sock", "b"));
        EXPECT_FALSE(read->has_member("socket", "a"));
        EXPECT_NE(read->tracepoint("event"), 0u);
        EXPECT_EQ(read->tracepoint("other"), 0u);
        EXPECT_EQ(read->argument_count("event"), static_cast<unsigned>(arguments));
        EXPECT_EQ(read->argument_count("other"), 0u);
    }
}

TEST_F(KernelTypesTest, SaysWhatIsWrongWithAFile) {
    const auto complaint = [](const std::string& path) {
        const auto read = live::KernelTypes::read(path);
        return read ? "" : read.error().message;
    };
    EXPECT_THAT(complaint(folder_ / "nothing"), HasSubstr("No such file"));
    EXPECT_THAT(complaint(file("text", "once upon a time")),
                HasSubstr("neither BTF nor a vmlinux"));
    EXPECT_THAT(complaint(file("empty", "")), HasSubstr("neither BTF nor a vmlinux"));
    EXPECT_THAT(complaint("/proc/self/exe"), HasSubstr("no .BTF section"));
}

} // namespace
} // namespace tcpdwell::test
