// SPDX-License-Identifier: Apache-2.0
#include "target_types.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <charconv>
#include <set>
#include <span>

namespace tcpdwell::test {
namespace {

/// Past typedefs, const and volatile.
const btf_type* plain(const btf& types, std::uint32_t id) {
    const btf_type* type = ::btf__type_by_id(&types, id);
    while (type != nullptr && (::btf_is_mod(type) || ::btf_is_typedef(type)))
        type = ::btf__type_by_id(&types, type->type);
    return type;
}

std::string_view name_of(const btf& types, std::uint32_t offset) {
    return ::btf__name_by_offset(&types, offset);
}

std::string_view without_flavour(std::string_view name) {
    const auto at = name.find("___");
    return at == std::string_view::npos || at == 0 ? name : name.substr(0, at);
}

std::vector<std::uint32_t> indices(std::string_view access) {
    std::vector<std::uint32_t> result;
    while (!access.empty()) {
        std::uint32_t value = 0;
        const auto [end, error] =
            std::from_chars(access.data(), access.data() + access.size(), value);
        result.push_back(value);
        access.remove_prefix(static_cast<std::size_t>(end - access.data()));
        if (!access.empty()) access.remove_prefix(1);
    }
    return result;
}

std::string_view enumerator(const btf& types, const btf_type& type, std::uint32_t index) {
    return name_of(types, ::btf_is_enum64(&type) ? ::btf_enum64(&type)[index].name_off
                                                 : ::btf_enum(&type)[index].name_off);
}

struct Place {
    std::uint32_t type = 0;
    std::uint64_t bit = 0;
};

/// The member of that name, also of members without a name.
std::optional<Place> member(const btf& types, const btf_type& type, std::string_view name) {
    if (!::btf_is_composite(&type)) return std::nullopt;
    for (int i = 0; i < ::btf_vlen(&type); ++i) {
        const btf_member& each = ::btf_members(&type)[i];
        const std::uint64_t bit = ::btf_member_bit_offset(&type, static_cast<unsigned>(i));
        if (each.name_off != 0 && name_of(types, each.name_off) == name)
            return Place{each.type, bit};
        if (each.name_off != 0) continue;
        if (const btf_type* nameless = plain(types, each.type))
            if (const auto found = member(types, *nameless, name))
                return Place{found->type, bit + found->bit};
    }
    return std::nullopt;
}

std::optional<Place> follow(const btf& types, std::uint32_t root,
                            std::span<const std::string> path) {
    Place place{root, 0};
    for (const std::string& step : path) {
        const btf_type* type = plain(types, place.type);
        if (type == nullptr) return std::nullopt;
        if (step.front() == '[') {
            if (!::btf_is_array(type)) return std::nullopt;
            const std::uint32_t element = ::btf_array(type)->type;
            const std::uint64_t index = std::stoull(step.substr(1));
            place = {element, place.bit + index * 8 *
                                              static_cast<std::uint64_t>(
                                                  ::btf__resolve_size(&types, element))};
        } else {
            const auto found = member(types, *type, step);
            if (!found) return std::nullopt;
            place = {found->type, place.bit + found->bit};
        }
    }
    return place;
}

/// A number that has become a pointer, or the like, is read wrongly without any error.
bool same_sort(const btf_type* ours, const btf_type* theirs) {
    if (ours == nullptr || theirs == nullptr) return false;
    const auto number = [](const btf_type* t) { return ::btf_is_int(t) || ::btf_is_any_enum(t); };
    return number(ours) ? number(theirs) : ::btf_kind(ours) == ::btf_kind(theirs);
}

std::string in_candidate(const btf& object, const btf& kernel, const Wanted& wanted,
                         std::uint32_t candidate, std::set<std::uint64_t>& places) {
    if (wanted.enumerator) {
        const btf_type* type = ::btf__type_by_id(&kernel, candidate);
        for (std::uint32_t i = 0; i < ::btf_vlen(type); ++i)
            if (enumerator(kernel, *type, i) == wanted.path.front()) return "";
        return "the kernel has no such enumerator";
    }
    const auto place = follow(kernel, candidate, wanted.path);
    if (!place) return "the kernel has no such field";
    if (wanted.last != 0 && !same_sort(plain(object, wanted.last), plain(kernel, place->type)))
        return "the kernel's field is of another sort";
    places.insert(place->bit);
    return "";
}

} // namespace

std::string Wanted::text() const {
    std::string joined;
    for (const std::string& step : path)
        joined += (joined.empty() || step.front() == '[' ? "" : ".") + step;
    return joined.empty() ? type : fmt::format("{}::{}", type, joined);
}

Wanted describe(const btf& object, const Relocation& relocation) {
    const btf_type* type = plain(object, relocation.type);
    Wanted wanted{std::string(name_of(object, type->name_off)), ::btf_kind(type), {}, 0, false};
    const std::vector<std::uint32_t> steps = indices(relocation.access);
    if (relocation.kind == BPF_CORE_ENUMVAL_EXISTS || relocation.kind == BPF_CORE_ENUMVAL_VALUE) {
        wanted.enumerator = true;
        wanted.path.emplace_back(enumerator(object, *type, steps.front()));
        return wanted;
    }
    for (const std::uint32_t step :
         std::span(steps).subspan(1)) { // the first is an index of the pointer
        if (::btf_is_array(type)) {
            wanted.path.push_back(fmt::format("[{}]", step));
            wanted.last = ::btf_array(type)->type;
        } else {
            const btf_member& each = ::btf_members(type)[step];
            if (each.name_off != 0) wanted.path.emplace_back(name_of(object, each.name_off));
            wanted.last = each.type;
        }
        type = plain(object, wanted.last);
    }
    return wanted;
}

std::string look_up(const btf& object, const btf& kernel, const Wanted& wanted) {
    std::string wrong = "the kernel has no such type";
    bool found = false;
    std::set<std::uint64_t> places;
    for (std::uint32_t id = 1; id < ::btf__type_cnt(&kernel); ++id) {
        const btf_type* type = ::btf__type_by_id(&kernel, id);
        const bool same_kind =
            wanted.enumerator ? ::btf_is_any_enum(type) : ::btf_kind(type) == wanted.kind;
        if (!same_kind ||
            without_flavour(name_of(kernel, type->name_off)) != without_flavour(wanted.type))
            continue;
        const std::string here = in_candidate(object, kernel, wanted, id, places);
        if (here.empty())
            found = true;
        else
            wrong = here;
    }
    if (places.size() > 1)
        return "the kernel has several types of that name, with different places for it";
    return found ? "" : wrong;
}

} // namespace tcpdwell::test
