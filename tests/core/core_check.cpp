// SPDX-License-Identifier: Apache-2.0
// Holds the CO-RE relocations of the BPF objects against the types of kernels: what isn't there
// would be refused by the verifier when the program is loaded on such a kernel, or, of a wrong
// sort, be read wrongly. Usage: core_check TYPES [OBJECT...]   (TYPES: a BTF file, a vmlinux, or a
// BPF object; OBJECT: ours, unless given) Exit status: 0 all is there, 1 something isn't, 2 usage
// or an unreadable file, 77 TYPES doesn't exist.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "object_file.h"
#include "target_types.h"

namespace tcpdwell::test {
namespace {

/// Where one field replaces another, code asks for the new one and reads the old one if it isn't
/// there.
struct Replacement {
    std::string_view field; ///< may be missing ...
    std::string_view by;    ///< ... if this is there
};
constexpr Replacement replacements[] = {
    {"tcp_sock::inet_conn.icsk_retransmit_timer", "sock::tcp_retransmit_timer"},
    {"sock_cgroup_data___tagged::val", "sock::sk_cgrp_data.cgroup"},
};

bool is_question(bpf_core_relo_kind kind) {
    return kind == BPF_CORE_FIELD_EXISTS || kind == BPF_CORE_TYPE_EXISTS ||
           kind == BPF_CORE_ENUMVAL_EXISTS || kind == BPF_CORE_TYPE_MATCHES;
}

/// Whether `field` is `whole` or a part of it.
bool is_part_of(std::string_view field, std::string_view whole) {
    return field.starts_with(whole) && (field.size() == whole.size() ||
                                        field[whole.size()] == '.' || field[whole.size()] == '[');
}

struct Count {
    std::size_t there = 0;
    std::size_t guarded = 0;
    std::size_t missing = 0;
};

/// Prints what is missing.
Count check(const ObjectFile& object, const btf& kernel) {
    std::map<std::string, std::string> answers; // what is wrong with each that is wanted
    std::map<std::string, std::set<std::string>> users;
    std::set<std::string> asked; // that the code asks for before it reads it
    for (const Relocation& relocation : object.relocations) {
        if (relocation.kind == BPF_CORE_TYPE_ID_LOCAL) continue;
        const Wanted wanted = describe(*object.types, relocation);
        const std::string text = wanted.text();
        if (!answers.contains(text)) answers[text] = look_up(*object.types, kernel, wanted);
        if (is_question(relocation.kind))
            asked.insert(text);
        else
            users[text].insert(relocation.section);
    }
    Count count;
    for (const auto& user : users) {
        const std::string& text = user.first;
        const auto may_be_missing = [&text, &answers](const Replacement& r) {
            const auto other = answers.find(std::string(r.by));
            return is_part_of(text, r.field) && other != answers.end() && other->second.empty();
        };
        if (answers[text].empty()) {
            ++count.there;
        } else if (std::any_of(asked.begin(), asked.end(),
                               [&](const auto& whole) { return is_part_of(text, whole); }) ||
                   std::any_of(std::begin(replacements), std::end(replacements), may_be_missing)) {
            ++count.guarded;
        } else {
            ++count.missing;
            fmt::print("  {}: {}; wanted by {}\n", text, answers[text], *user.second.begin());
        }
    }
    return count;
}

int run(const std::string& types, const std::vector<std::string>& objects) {
    if (::access(types.c_str(), F_OK) != 0) {
        fmt::print(stderr, "core_check: {} doesn't exist\n", types);
        return 77;
    }
    ::libbpf_set_print(nullptr);
    const Btf kernel(::btf__parse(types.c_str(), nullptr));
    if (!kernel) {
        fmt::print(stderr, "core_check: cannot read BTF from {}: {}\n", types,
                   std::strerror(errno));
        return 2;
    }
    std::size_t missing = 0;
    for (const std::string& path : objects) {
        const auto object = read_object(path);
        if (!object) {
            fmt::print(stderr, "core_check: {}\n", object.error().message);
            return 2;
        }
        const Count count = check(*object, *kernel);
        fmt::print("{}: {} there, {} missing and not needed, {} MISSING\n",
                   path.substr(path.rfind('/') + 1), count.there, count.guarded, count.missing);
        missing += count.missing;
    }
    return missing == 0 ? 0 : 1;
}

} // namespace
} // namespace tcpdwell::test

int main(int count, char** words) {
    if (count < 2 || words[1][0] == '-') {
        fmt::print(stderr, "usage: core_check TYPES [OBJECT...]\n");
        return 2;
    }
    std::vector<std::string> objects(words + 2, words + count);
    if (objects.empty()) objects = {OUR_OBJECTS};
    return tcpdwell::test::run(words[1], objects);
}
