#pragma once

#include <filesystem>
#include <string_view>
#include <sys/types.h>

#include "base/expected.hpp"

namespace meridian::io {

/// Replaces a file as a whole: after a crash it is the old or the new one. Makes its folder. Errors
/// are sentences with the file's name.
[[nodiscard]] base::Expected<void, base::Error> write_durably(const std::filesystem::path& path,
                                                              std::string_view text, mode_t mode);

/// Appends lines, each with its newline, and syncs them, all of them or none. A torn line of an
/// earlier crash is ended first.
[[nodiscard]] base::Expected<void, base::Error> append_durably(const std::filesystem::path& path,
                                                               std::string_view lines, mode_t mode);

/// A name for a file that stands for this id: itself where that is safe, else a hash.
[[nodiscard]] std::string file_name_of(std::string_view id);

}  // namespace meridian::io
