// SPDX-License-Identifier: Apache-2.0
#include "live/container_files.h"

#include <fcntl.h>
#include <rapidjson/encodedstream.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <initializer_list>
#include <span>

#include "base/fd.h"
#include "event/container_path.h"
#include "host/proc_file.h"

namespace tcpdwell::live {
namespace {

/// Bundles have some 10 to 100 KiB; podman's list some KiB for each container.
constexpr off_t kMostFileBytes = 4 << 20;
/// Entries of a directory that are looked at. A node of Kubernetes has some hundred containers.
constexpr int kMostEntries = 20'000;

/// A runtime's own directory: links that the administrator has put above it are followed.
Fd open_own_directory(const std::string& path) {
    return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Fd open_below(const Fd& directory, const std::string& name, int flags) {
    if (!directory) return Fd();
    return Fd(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags));
}

/// "" if the file isn't there, isn't a regular one, or is too large. Never waits for a FIFO.
std::string read_below(Fd directory, std::initializer_list<std::string> path) {
    for (const std::string& name : path) {
        const bool is_last = &name == path.end() - 1;
        directory = open_below(directory, name, is_last ? O_NONBLOCK : O_DIRECTORY);
    }
    struct stat status {};
    if (!directory || ::fstat(directory.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > kMostFileBytes)
        return {};
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t got = ::read(directory.get(), text.data() + filled, text.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
}

/// Calls visit(name) for the entries until it returns true, or there were too many.
template <class Visit>
void for_each_entry(const std::string& path, const Visit& visit) {
    const host::Directory entries = host::open_directory(path.c_str());
    if (!entries) return;
    for (int i = 0; i < kMostEntries; ++i) {
        const dirent* entry = ::readdir(entries.get());
        if (entry == nullptr || visit(std::string_view(entry->d_name))) return;
    }
}

/// Calls `visit` with each string of a JSON text and the keys above it ("" in an array), the
/// outermost first; false ends it. Strings deeper than kMostKeys are left out. Takes heap in
/// proportion to the text, and no stack, however deep the text is.
class StringWalk : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, StringWalk> {
public:
    using Keys = std::span<const std::string>;
    using Visit = std::function<bool(Keys keys, std::string_view value)>;

    static void over(std::string_view json, Visit visit) {
        StringWalk walk(std::move(visit));
        rapidjson::MemoryStream bytes(json.data(), json.size());
        rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
        rapidjson::Reader().Parse<rapidjson::kParseIterativeFlag>(stream, walk);
    }

    bool StartObject() { return enter(); }
    bool StartArray() { return enter(); }
    bool EndObject(rapidjson::SizeType) { return leave(); }
    bool EndArray(rapidjson::SizeType) { return leave(); }
    bool Key(const char* text, rapidjson::SizeType size, bool) {
        if (depth_ <= kMostKeys) keys_[depth_ - 1].assign(text, size);
        return true;
    }
    bool String(const char* text, rapidjson::SizeType size, bool) {
        return depth_ == 0 || depth_ > kMostKeys || visit_(Keys(keys_).first(depth_), {text, size});
    }

private:
    static constexpr std::size_t kMostKeys = 3;

    explicit StringWalk(Visit visit) : visit_(std::move(visit)) {}
    bool enter() {
        if (++depth_ <= kMostKeys) keys_[depth_ - 1].clear();
        return true;
    }
    bool leave() {
        --depth_;
        return true;
    }

    Visit visit_;
    std::array<std::string, kMostKeys> keys_;
    std::size_t depth_ = 0;
};

/// What a file says.
struct FoundNames {
    std::string name;
    std::string pod;
    std::string name_space;

    /// As views show it; "": nothing that can be shown.
    [[nodiscard]] std::string text() const {
        const bool has_name = event::is_container_name(name);
        if (!event::is_container_name(pod) || !event::is_container_name(name_space))
            return has_name ? name : std::string();
        // The pod's sandbox has no name of its own; kubelet and CRI-O call it so.
        return name_space + '/' + pod + '/' + (has_name ? name : "POD");
    }
    /// Takes what a label or annotation of a Kubernetes runtime, or nerdctl's, says.
    void take(std::string_view key, std::string_view value) {
        if (key == "io.kubernetes.cri.container-name" || key == "io.kubernetes.container.name" ||
            key == "nerdctl/name")
            name = value;
        else if (key == "io.kubernetes.cri.sandbox-name" || key == "io.kubernetes.pod.name")
            pod = value;
        else if (key == "io.kubernetes.cri.sandbox-namespace" ||
                 key == "io.kubernetes.pod.namespace")
            name_space = value;
    }
};

/// From the annotations of an OCI bundle.
std::string name_in_bundle(std::string_view json) {
    FoundNames found;
    StringWalk::over(json, [&](StringWalk::Keys keys, std::string_view value) {
        if (keys.size() == 2 && keys[0] == "annotations") found.take(keys[1], value);
        return true;
    });
    return found.text();
}

} // namespace

std::string ContainerFiles::from_containerd(const std::string& id) const {
    std::string found;
    for (const char* state :
         {"/run/containerd", "/run/k3s/containerd", "/var/snap/microk8s/common/run/containerd"}) {
        const std::string tasks = root_ + state + "/io.containerd.runtime.v2.task";
        // By containerd's own namespaces: k8s.io, moby, default ...
        for_each_entry(tasks, [&](std::string_view name_space) {
            if (name_space.starts_with('.')) return false;
            found = name_in_bundle(read_below(open_own_directory(tasks),
                                              {std::string(name_space), id, "config.json"}));
            return !found.empty();
        });
        if (!found.empty()) break;
    }
    return found;
}

std::string ContainerFiles::from_crio(const std::string& id) const {
    return name_in_bundle(
        read_below(open_own_directory(root_ + "/run/containers/storage/overlay-containers"),
                   {id, "userdata", "config.json"}));
}

std::string ContainerFiles::from_docker(const std::string& id) const {
    FoundNames found;
    const std::string json = read_below(open_own_directory(root_ + "/var/lib/docker/containers"),
                                        {id, "config.v2.json"});
    StringWalk::over(json, [&](StringWalk::Keys keys, std::string_view value) {
        if (keys.size() == 1 && keys[0] == "Name" && found.name.empty())
            found.name = value.substr(value.starts_with('/') ? 1 : 0);
        if (keys.size() == 3 && keys[0] == "Config" && keys[1] == "Labels")
            found.take(keys[2], value);
        return true;
    });
    return found.text();
}

std::string ContainerFiles::from_podman(const std::string& id) const {
    FoundNames found;
    bool is_it = false;
    const std::string json =
        read_below(open_own_directory(root_ + "/var/lib/containers/storage/overlay-containers"),
                   {"containers.json"});
    StringWalk::over(json, [&](StringWalk::Keys keys, std::string_view value) {
        if (keys.size() == 2 && keys[1] == "id") is_it = value == id; // comes before the names
        if (!is_it || keys.size() != 3 || keys[1] != "names") return true;
        found.name = value;
        return false;
    });
    return found.text();
}

/// POD_NAMESPACE_CONTAINER-ID.log, of the kubelet. What they link to doesn't matter.
std::string ContainerFiles::from_log_links(const std::string& id) const {
    FoundNames found;
    const std::string end = "-" + id + ".log";
    for_each_entry(root_ + "/var/log/containers", [&](std::string_view name) {
        if (!name.ends_with(end)) return false;
        name.remove_suffix(end.size());
        const std::size_t first = name.find('_');
        const std::size_t second = name.find('_', first == name.npos ? first : first + 1);
        if (second == name.npos) return false;
        found = {std::string(name.substr(second + 1)), std::string(name.substr(0, first)),
                 std::string(name.substr(first + 1, second - first - 1))};
        return true;
    });
    return found.text();
}

std::string ContainerFiles::describe(std::string_view id) const {
    const std::string all(id);
    for (const auto& look : {&ContainerFiles::from_containerd, &ContainerFiles::from_crio,
                             &ContainerFiles::from_docker, &ContainerFiles::from_podman,
                             &ContainerFiles::from_log_links})
        if (std::string text = (this->*look)(all); !text.empty()) return text;
    return std::string(event::short_container_id(id));
}

std::string ContainerFiles::describe_path(std::string_view path) const {
    event::ContainerPath container = event::container_of_path(path);
    return container.id.empty() ? std::move(container.name) : describe(container.id);
}

} // namespace tcpdwell::live
