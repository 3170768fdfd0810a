// SPDX-License-Identifier: Apache-2.0
#include "live/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcpdwell::live {
namespace {

/// libbpf reports failures on stderr, but here they are answers.
class QuietLibbpf {
public:
    QuietLibbpf() : before_(::libbpf_set_print(nullptr)) {}
    ~QuietLibbpf() { ::libbpf_set_print(before_); }
    QuietLibbpf(const QuietLibbpf&) = delete;
    QuietLibbpf& operator=(const QuietLibbpf&) = delete;

private:
    libbpf_print_fn_t before_;
};

/// btf__parse() answers ENOENT also for an ELF file without BTF, and several errors for what is
/// neither.
std::string describe(const std::string& path, int error) {
    if (::access(path.c_str(), R_OK) != 0) return std::strerror(errno);
    if (error == ENOENT || error == ENODATA)
        return "it has no .BTF section; 'pahole -J' makes one from debug information";
    if (error == ENOMEM) return std::strerror(error);
    return "it is neither BTF nor a vmlinux with BTF";
}

} // namespace

void KernelTypes::Free::operator()(btf* types) const { ::btf__free(types); }

Result<KernelTypes> KernelTypes::read(const std::string& path) {
    const QuietLibbpf quiet;
    errno = 0;
    btf* types = ::btf__parse(path.c_str(), nullptr);
    if (const int error = errno; types == nullptr)
        return fail(ErrorCode::failed,
                    fmt::format("cannot read {}: {}", path, describe(path, error)), error);
    return KernelTypes(types);
}

std::uint32_t KernelTypes::id(std::string_view name, std::uint32_t kind) const {
    const std::int32_t found =
        ::btf__find_by_name_kind(types_.get(), std::string(name).c_str(), kind);
    return found > 0 ? static_cast<std::uint32_t>(found) : 0;
}

std::uint32_t KernelTypes::tracepoint(std::string_view name) const {
    return id(fmt::format("btf_trace_{}", name), BTF_KIND_TYPEDEF);
}

unsigned KernelTypes::argument_count(std::string_view name) const {
    const btf_type* type = ::btf__type_by_id(types_.get(), tracepoint(name));
    while (type && (::btf_is_typedef(type) || ::btf_is_ptr(type)))
        type = ::btf__type_by_id(types_.get(), type->type);
    if (!type || !::btf_is_func_proto(type) || ::btf_vlen(type) == 0) return 0;
    return static_cast<unsigned>(::btf_vlen(type) - 1);
}

bool KernelTypes::has_function(std::string_view name) const { return id(name, BTF_KIND_FUNC) != 0; }

unsigned KernelTypes::result_position(std::string_view function) const {
    const btf_type* type = ::btf__type_by_id(types_.get(), id(function, BTF_KIND_FUNC));
    const btf_type* prototype = type ? ::btf__type_by_id(types_.get(), type->type) : nullptr;
    if (!prototype || !::btf_is_func_proto(prototype) || prototype->type == 0) return 0;
    return static_cast<unsigned>(::btf_vlen(prototype));
}

bool KernelTypes::has_member(std::string_view structure, std::string_view member) const {
    const btf_type* type = ::btf__type_by_id(types_.get(), id(structure, BTF_KIND_STRUCT));
    if (!type || !::btf_is_struct(type)) return false;
    for (int i = 0; i < ::btf_vlen(type); ++i)
        if (member == ::btf__name_by_offset(types_.get(), ::btf_members(type)[i].name_off))
            return true;
    return false;
}

} // namespace tcpdwell::live
