// SPDX-License-Identifier: Apache-2.0
#include "object_file.h"

#include <bpf/btf.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <cstring>
#include <span>
#include <string_view>

#include "base/fd.h"

namespace tcpdwell::test {
namespace {

/// struct btf_ext_header
struct Header {
    std::uint16_t magic;
    std::uint8_t version;
    std::uint8_t flags;
    std::uint32_t header_bytes;
    std::uint32_t function_offset, function_bytes;
    std::uint32_t line_offset, line_bytes;
    std::uint32_t core_offset, core_bytes; // not in the oldest
};

/// Reads plain values from bytes; nothing beyond their end.
class Bytes {
public:
    explicit Bytes(std::span<const char> bytes) : bytes_(bytes) {}
    template <class T>
    T take() {
        T value{};
        if (bytes_.size() >= sizeof(T)) std::memcpy(&value, bytes_.data(), sizeof(T));
        skip(sizeof(T));
        return value;
    }
    void skip(std::size_t count) { bytes_ = bytes_.subspan(std::min(count, bytes_.size())); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }

private:
    std::span<const char> bytes_;
};

std::vector<char> section(const std::string& path, std::string_view wanted) {
    elf_version(EV_CURRENT);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Elf* elf = elf_begin(file.get(), ELF_C_READ, nullptr);
    std::vector<char> found;
    std::size_t names = 0;
    if (elf != nullptr && elf_getshdrstrndx(elf, &names) == 0)
        for (Elf_Scn* each = nullptr; (each = elf_nextscn(elf, each)) != nullptr;) {
            GElf_Shdr header;
            if (gelf_getshdr(each, &header) == nullptr) continue;
            const char* name = elf_strptr(elf, names, header.sh_name);
            const Elf_Data* data = elf_getdata(each, nullptr);
            if (name == nullptr || data == nullptr || wanted != name) continue;
            const char* begin = static_cast<const char*>(data->d_buf);
            found.assign(begin, begin + data->d_size);
        }
    elf_end(elf);
    return found;
}

} // namespace

void FreeBtf::operator()(btf* types) const { ::btf__free(types); }

Result<ObjectFile> read_object(const std::string& path) {
    ObjectFile object{Btf(::btf__parse_elf(path.c_str(), nullptr)), {}};
    const std::vector<char> extension = section(path, ".BTF.ext");
    if (!object.types || extension.size() < sizeof(Header))
        return fail(ErrorCode::failed, fmt::format("{} isn't a BPF object with BTF", path));
    Header header;
    std::memcpy(&header, extension.data(), sizeof(header));
    const std::size_t begin = std::size_t{header.header_bytes} + header.core_offset;
    if (header.magic != 0xeB9F || begin + header.core_bytes > extension.size())
        return fail(ErrorCode::failed, fmt::format("the section .BTF.ext of {} is damaged", path));

    Bytes core(std::span<const char>(extension).subspan(begin, header.core_bytes));
    const auto record_bytes = core.take<std::uint32_t>();
    while (!core.empty()) {
        const std::string program =
            ::btf__name_by_offset(object.types.get(), core.take<std::uint32_t>());
        for (auto count = core.take<std::uint32_t>(); count > 0; --count) {
            const auto r = core.take<bpf_core_relo>();
            core.skip(record_bytes - sizeof(r));
            object.relocations.push_back(
                {r.kind, r.type_id, ::btf__name_by_offset(object.types.get(), r.access_str_off),
                 program});
        }
    }
    return object;
}

} // namespace tcpdwell::test
