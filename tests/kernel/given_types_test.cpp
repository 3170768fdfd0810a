// SPDX-License-Identifier: Apache-2.0
// --btf with types that are the running kernel's but for one member, as another kernel's might be:
// they must be distinguished from the true ones, because what is read with them isn't true.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tracer.h"

namespace tcpdwell::test {
namespace {

constexpr const char* kOwnTypes = "/sys/kernel/btf/vmlinux";

struct FreeBtf {
    void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

Btf own_types() { return Btf(btf__parse(kOwnTypes, nullptr)); }

/// The member of the structure, or of one without a name in it; nullptr if it has none. In the
/// memory of `types`.
btf_member* member_of(const btf& types, __u32 structure, std::string_view name) {
    const btf_type* type = btf__type_by_id(&types, structure);
    if (type == nullptr || !btf_is_composite(type)) return nullptr;
    for (int i = 0; i < btf_vlen(type); ++i) {
        // What a BTF object has parsed lies in memory of its own.
        auto* const member = const_cast<btf_member*>(btf_members(type) + i);
        const std::string_view called = btf__name_by_offset(&types, member->name_off);
        if (called == name) return member;
        if (!called.empty()) continue;
        if (auto* const inner = member_of(types, member->type, name)) return inner;
    }
    return nullptr;
}

void write(const btf& types, const std::string& path) {
    __u32 size = 0;
    const auto* bytes = static_cast<const char*>(btf__raw_data(&types, &size));
    std::ofstream(path, std::ios::binary).write(bytes, size);
}

class OwnTypes : public testing::Test {
protected:
    void SetUp() override {
        unsetenv("TCPDWELL_PROBES"); // there is only one set with given types
        types_ = own_types();
        if (!types_)
            GTEST_SKIP() << "this kernel doesn't describe its types, so there is nothing to give";
    }

    /// Exit status of `check` with these types; what it prints is in `printed_`.
    int check() {
        const std::string path = testing::TempDir() + "types.btf";
        write(*types_, path);
        return run_tcpdwell({"check", "--btf", path}, std::chrono::seconds(30), printed_);
    }

    Btf types_;
    std::string printed_;
};

TEST_F(OwnTypes, are_accepted) { EXPECT_EQ(check(), 0) << printed_; }

struct Moved {
    const char* structure;
    const char* member;
    unsigned bytes; ///< by which it stands further on
};

std::ostream& operator<<(std::ostream& out, const Moved& m) {
    return out << m.structure << "::" << m.member;
}

class ChangedTypes : public OwnTypes, public testing::WithParamInterface<Moved> {};

TEST_P(ChangedTypes, are_refused) {
    const auto [structure, name, bytes] = GetParam();
    btf_member* const member = member_of(
        *types_,
        static_cast<__u32>(btf__find_by_name_kind(types_.get(), structure, BTF_KIND_STRUCT)), name);
    ASSERT_NE(member, nullptr) << "this kernel has no " << structure << "::" << name;
    member->offset += bytes * 8;

    EXPECT_EQ(check(), 2) << printed_;
    EXPECT_NE(printed_.find("is the BTF of another kernel"), std::string::npos) << printed_;
}

INSTANTIATE_TEST_SUITE_P(
    Members, ChangedTypes,
    testing::Values(Moved{"sock_common", "skc_family", 8}, Moved{"sock_common", "skc_daddr", 8},
                    Moved{"sock_common", "skc_dport", 2}, Moved{"sock_common", "skc_net", 8},
                    Moved{"inet_sock", "inet_sport", 2},
                    Moved{"inet_timewait_sock", "tw_substate", 1},
                    Moved{"inet_timewait_sock", "tw_timer", 8},
                    Moved{"request_sock", "rsk_timer", 8}, Moved{"timer_list", "function", 8}),
    [](const auto& info) { return std::string(info.param.structure) + "_" + info.param.member; });

} // namespace
} // namespace tcpdwell::test
