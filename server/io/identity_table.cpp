#include "io/identity_table.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <sys/file.h>
#include <vector>

#include "io/durable_file.hpp"
#include "io/file_descriptor.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kTableMode = 0600;

fs::path root_of(const fs::path& data_dir) {
  return data_dir / "people";
}

/// Held for as long as it lives.
base::Expected<FileDescriptor, base::Error> lock(const fs::path& data_dir) {
  std::error_code error;
  fs::create_directories(root_of(data_dir), error);
  const fs::path path = root_of(data_dir) / ".lock";
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kTableMode));
  if (!file.is_open() || ::flock(file.get(), LOCK_EX) != 0) {
    return base::fail("cannot lock " + path.string() + ": " + std::strerror(errno));
  }
  return file;
}

std::vector<fs::path> tables(const fs::path& data_dir) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(root_of(data_dir), error)) {
    if (entry.path().extension() == ".jsonl") {
      files.push_back(entry.path());
    }
  }
  return files;
}

/// Keeps the rows that `keeps` says; how many went.
base::Expected<std::uint64_t, base::Error> filter(
    const fs::path& file, const std::function<bool(const audit::Opening&)>& keeps) {
  std::ifstream in(file, std::ios::binary);
  std::string kept;
  std::uint64_t removed = 0;
  for (std::string line; std::getline(in, line);) {
    const auto opening = audit::parse_opening(line);
    if (opening && keeps(*opening)) {
      kept += line + '\n';
    } else {
      ++removed;
    }
  }
  if (in.bad()) {
    return base::fail("cannot read " + file.string());
  }
  if (removed > 0) {
    if (auto written = write_durably(file, kept, kTableMode); !written) {
      return std::unexpected(written.error());
    }
  }
  return removed;
}

}  // namespace

base::Expected<void, base::Error> append_openings(const fs::path& data_dir, const RegionId& region,
                                                  const AccountId& account,
                                                  std::span<const audit::Opening> openings) {
  const auto held = lock(data_dir);
  if (!held) {
    return std::unexpected(held.error());
  }
  std::string lines;
  for (const audit::Opening& opening : openings) {
    lines += audit::to_line(opening) + '\n';
  }
  const fs::path file =
      root_of(data_dir) / file_name_of(region.value()) / (file_name_of(account.value()) + ".jsonl");
  return append_durably(file, lines, kTableMode);
}

base::Expected<std::vector<audit::Opening>, base::Error> find_people(const fs::path& data_dir,
                                                                     const AccountId& account,
                                                                     const std::string& identity,
                                                                     const std::string& pseudonym,
                                                                     std::size_t limit) {
  const auto held = lock(data_dir);
  if (!held) {
    return std::unexpected(held.error());
  }
  std::vector<audit::Opening> found;
  const std::string name = file_name_of(account.value()) + ".jsonl";
  for (const fs::path& file : tables(data_dir)) {
    if (file.filename() != name) {
      continue;
    }
    const auto kept = filter(file, [&](const audit::Opening& opening) {
      if (opening.account == account &&
          (identity.empty() ? opening.pseudonym == pseudonym : opening.identity == identity)) {
        found.push_back(opening);
        found.erase(found.begin(), found.size() > limit ? found.begin() + 1 : found.begin());
      }
      return true;
    });
    if (!kept) {
      return std::unexpected(kept.error());
    }
  }
  return found;
}

base::Expected<std::uint64_t, base::Error> erase_person(const fs::path& data_dir,
                                                        const AccountId& account,
                                                        const std::string& pseudonym) {
  const auto held = lock(data_dir);
  if (!held) {
    return std::unexpected(held.error());
  }
  const std::string name = file_name_of(account.value()) + ".jsonl";
  std::uint64_t removed = 0;
  for (const fs::path& file : tables(data_dir)) {
    if (file.filename() != name) {
      continue;
    }
    std::optional<std::string> identity;
    if (auto found = filter(file,
                            [&](const audit::Opening& opening) {
                              if (opening.account == account && opening.pseudonym == pseudonym) {
                                identity = opening.identity;
                              }
                              return true;
                            });
        !found) {
      return found;
    }
    if (!identity) {
      continue;
    }
    const auto erased = filter(file, [&](const audit::Opening& opening) {
      return opening.account != account || opening.identity != *identity;
    });
    if (!erased) {
      return erased;
    }
    removed += *erased;
  }
  return removed;
}

base::Expected<std::map<AccountId, std::uint64_t>, base::Error> erase_expired(
    const fs::path& data_dir, Duration retention, UnixTime now) {
  const auto held = lock(data_dir);
  if (!held) {
    return std::unexpected(held.error());
  }
  std::map<AccountId, std::uint64_t> removed;
  for (const fs::path& file : tables(data_dir)) {
    const auto filtered = filter(file, [&](const audit::Opening& opening) {
      const bool is_kept = now - opening.time < retention;
      removed[opening.account] += is_kept ? 0 : 1;
      return is_kept;
    });
    if (!filtered) {
      return std::unexpected(filtered.error());
    }
  }
  std::erase_if(removed, [](const auto& entry) { return entry.second == 0; });
  return removed;
}

}  // namespace meridian::io
