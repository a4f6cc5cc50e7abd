#include "audit/commitment.hpp"

#include <algorithm>

#include "audit/base64.hpp"
#include "audit/json.hpp"
#include "audit/text.hpp"

namespace meridian::audit {
namespace {

constexpr std::string_view kCommitmentDomain = "meridian commitment v1\n";
constexpr std::uint64_t kOpeningVersion = 1;

/// What is committed to: as strings of JSON, so that no two openings have the same text.
std::string personal_text(const Opening& opening) {
  return Json(Json::Array{opening.room_name, opening.identity, opening.reason}).canonical();
}

}  // namespace

Digest commit(const Salt& salt, std::string_view text) {
  return sha256({as_bytes(kCommitmentDomain), salt, as_bytes(text)});
}

Digest commitment_of(const Opening& opening) {
  return commit(opening.salt, personal_text(opening));
}

Digest commit(Opening& opening, RandomSource& random) {
  random.fill(opening.salt);
  for (std::string* text : {&opening.room_name, &opening.identity, &opening.reason}) {
    *text = clean_utf8(*text, kMaxPersonalText);
  }
  return commitment_of(opening);
}

std::string to_line(const Opening& opening) {
  return Json(Json::Object{
                  {"account", opening.account.value()},
                  {"identity", opening.identity},
                  {"pseudonym", opening.pseudonym},
                  {"reason", opening.reason},
                  {"room", opening.room_sid},
                  {"room_name", opening.room_name},
                  {"salt", base64(opening.salt)},
                  {"time_ns", opening.time.nanoseconds()},
                  {"v", kOpeningVersion},
              })
      .canonical();
}

std::optional<Opening> parse_opening(std::string_view line) {
  if (line.size() > kMaxOpeningLine) {
    return std::nullopt;
  }
  const auto json = Json::parse(line);
  if (!json || json->at("v").number() != kOpeningVersion) {
    return std::nullopt;
  }
  Opening opening;
  opening.account = AccountId(json->at("account").text());
  opening.identity = json->at("identity").text();
  opening.pseudonym = json->at("pseudonym").text();
  opening.reason = json->at("reason").text();
  opening.room_sid = json->at("room").text();
  opening.room_name = json->at("room_name").text();
  opening.time = UnixTime::from_nanoseconds(json->at("time_ns").integer());
  const auto salt = parse_base64(json->at("salt").text());
  if (!salt || salt->size() != opening.salt.size() || opening.pseudonym.empty()) {
    return std::nullopt;
  }
  std::ranges::copy(*salt, opening.salt.begin());
  return opening;
}

}  // namespace meridian::audit
