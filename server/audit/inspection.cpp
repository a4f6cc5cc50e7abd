#include "audit/inspection.hpp"

#include <algorithm>
#include <utility>

namespace meridian::audit {

Inspector::Inspector(Evidence evidence) : checkpoints_(std::move(evidence.checkpoints)) {
  std::ranges::sort(checkpoints_, {},
                    [](const SignedCheckpoint& checkpoint) { return checkpoint.body.lines; });
  if (evidence.trusted) {
    trusted_.push_back(std::move(*evidence.trusted));
  }
}

std::optional<Finding> Inspector::feed(std::string_view line) {
  if (const auto fault = verifier_.feed(line)) {
    return Finding{fault->line, fault->flaw, describe_line(line)};
  }
  if (const auto record = record_of_line(line)) {
    note_record(*record);
  }
  last_ = line;
  return compare_checkpoints();
}

void Inspector::note_record(const Record& record) {
  ++records_;
  if (record.kind != Kind::kKeyPublished) {
    return;
  }
  auto key = PublicKey::parse(record.key);
  if (key && std::ranges::find(trusted_, *key) == trusted_.end()) {
    (trusted_.empty() ? trusted_ : published_).push_back(std::move(*key));
  }
}

bool Inspector::is_trusted(const SignedCheckpoint& checkpoint) const {
  return std::ranges::any_of(trusted_, [&](const PublicKey& key) {
    return checkpoint.body.origin == key.name() && checkpoint.is_signed_by(key);
  });
}

std::optional<Finding> Inspector::compare_checkpoints() {
  const Heads& heads = verifier_.heads();
  for (; next_ < checkpoints_.size() && checkpoints_[next_].body.lines <= heads.lines; ++next_) {
    const SignedCheckpoint& checkpoint = checkpoints_[next_];
    if (!is_trusted(checkpoint)) {
      return Finding{checkpoint.body.lines, Flaw::kBadSignature, describe_line(last_)};
    }
    // One of no lines was passed over before the first line.
    const bool is_here = checkpoint.body.lines == heads.lines;
    if (!is_here || checkpoint.body.root != heads.tree.root() ||
        checkpoint.body.node != heads.node) {
      return Finding{checkpoint.body.lines, Flaw::kForked, describe_line(last_)};
    }
    std::ranges::move(std::exchange(published_, {}), std::back_inserter(trusted_));
  }
  return std::nullopt;
}

std::optional<Finding> Inspector::finish() {
  if (next_ == checkpoints_.size()) {
    return std::nullopt;
  }
  const SignedCheckpoint& beyond = checkpoints_[next_];
  const Flaw flaw = is_trusted(beyond) ? Flaw::kTruncated : Flaw::kBadSignature;
  return Finding{verifier_.heads().lines, flaw, describe_line(last_)};
}

std::string describe_line(std::string_view line) {
  const auto record = record_of_line(line);
  if (!record) {
    return {};
  }
  const std::string whose =
      record->account.empty() ? std::string("the node") : "account " + record->account.value();
  return whose + ", record " + std::to_string(record->sequence) + ", " +
         std::string(name_of(record->kind));
}

std::optional<std::uint64_t> fork_of(const std::vector<std::string>& a,
                                     const std::vector<std::string>& b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    // One of the two may be redacted: the heads stand for the records.
    const auto head = head_of_line(a[i]);
    if (!head || head != head_of_line(b[i])) {
      return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace meridian::audit
