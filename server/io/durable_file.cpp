#include "io/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/digest.hpp"
#include "io/file_descriptor.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;

std::unexpected<base::Error> cannot_write(const fs::path& path) {
  return base::fail("cannot write " + path.string() + ": " + std::strerror(errno));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return true;
}

base::Expected<void, base::Error> make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) {
    return base::fail("cannot make " + path.parent_path().string() + ": " + error.message());
  }
  return {};
}

bool sync_folder(const fs::path& path) {
  const FileDescriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_CLOEXEC));
  return folder.is_open() && ::fsync(folder.get()) == 0;
}

}  // namespace

base::Expected<void, base::Error> write_durably(const fs::path& path, std::string_view text,
                                                mode_t mode) {
  if (auto made = make_folder(path); !made) {
    return made;
  }
  const fs::path draft = path.string() + ".new";
  {
    const FileDescriptor file(
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!file.is_open() || ::fchmod(file.get(), mode) != 0 || !write_all(file.get(), text) ||
        ::fsync(file.get()) != 0) {
      return cannot_write(draft);
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0 || !sync_folder(path)) {
    return cannot_write(path);
  }
  return {};
}

base::Expected<void, base::Error> append_durably(const fs::path& path, std::string_view lines,
                                                 mode_t mode) {
  if (auto made = make_folder(path); !made) {
    return made;
  }
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, mode));
  if (!file.is_open()) {
    return cannot_write(path);
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  char last = '\n';
  const bool is_torn = size > 0 && ::pread(file.get(), &last, 1, size - 1) == 1 && last != '\n';
  std::string text(is_torn ? "\n" : "");
  text.append(lines);
  if (!write_all(file.get(), text) || ::fdatasync(file.get()) != 0) {
    const auto failed = cannot_write(path);
    (void)::ftruncate(file.get(), size);  // nothing half: the lines will be tried again
    return failed;
  }
  return {};
}

std::string file_name_of(std::string_view id) {
  constexpr std::size_t kMaxName = 128;
  const bool is_safe = !id.empty() && id.size() <= kMaxName && !id.starts_with(".") &&
                       std::ranges::all_of(id, [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                       });
  return is_safe ? std::string(id) : "sha256-" + audit::sha256({as_bytes(id)}).hex();
}

}  // namespace meridian::io
