#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"

/// The dependency descriptor header extension (AV1 RTP specification, appendix A): frames, layers
/// and their dependencies, for every codec, readable without the payload.
namespace meridian::rtp {

/// What a frame is to a decode target (table A.1).
enum class DecodeTargetIndication : std::uint8_t {
  kNotPresent,
  kDiscardable,
  kSwitch,
  kRequired,
};

/// One indication for each decode target, two bits each.
class DecodeTargetIndications {
 public:
  static constexpr std::size_t kMaxTargets = 32;
  /// `target` < kMaxTargets.
  [[nodiscard]] DecodeTargetIndication operator[](std::size_t target) const {
    return static_cast<DecodeTargetIndication>((bits_ >> (2 * target)) & 3U);
  }
  void set(std::size_t target, DecodeTargetIndication indication) {
    bits_ = (bits_ & ~(std::uint64_t{3} << (2 * target))) |
            (std::uint64_t{static_cast<std::uint8_t>(indication)} << (2 * target));
  }
  friend bool operator==(DecodeTargetIndications, DecodeTargetIndications) = default;

 private:
  std::uint64_t bits_ = 0;
};

/// What is known of one frame: a template of the structure, or a frame with its custom values.
/// Differences are in frame numbers, backwards.
struct FrameDependencies {
  /// AV1 has 7 references, VP9 and VP8 have 3.
  static constexpr std::size_t kMaxReferences = 8;
  static constexpr std::size_t kMaxChains = 8;

  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  DecodeTargetIndications indications;
  std::uint8_t reference_count = 0;
  std::array<std::uint16_t, kMaxReferences> references{};
  /// To the previous frame of each chain; 0 when the chain begins here.
  std::array<std::uint8_t, kMaxChains> chains{};

  /// The frames that this one refers to, as differences of frame numbers.
  [[nodiscard]] std::span<const std::uint16_t> reference_span() const {
    return std::span(references).first(reference_count);
  }
  friend bool operator==(const FrameDependencies&, const FrameDependencies&) = default;
};

/// The template structure, sent with a key frame and valid until the next.
struct DependencyStructure {
  static constexpr std::size_t kMaxTemplates = 64;
  static constexpr std::size_t kMaxDecodeTargets = DecodeTargetIndications::kMaxTargets;
  static constexpr std::size_t kMaxChains = FrameDependencies::kMaxChains;
  static constexpr std::size_t kMaxSpatialLayers = 8;
  static constexpr std::size_t kMaxTemporalLayers = 8;

  struct Layer {
    std::uint8_t spatial = 0;
    std::uint8_t temporal = 0;
    friend bool operator==(const Layer&, const Layer&) = default;
  };
  struct Resolution {
    std::uint32_t width = 0;  // 1 to 65536
    std::uint32_t height = 0;
    friend bool operator==(const Resolution&, const Resolution&) = default;
  };

  std::uint8_t template_id_offset = 0;
  std::uint8_t template_count = 0;       // 1 to kMaxTemplates
  std::uint8_t decode_target_count = 0;  // 1 to kMaxDecodeTargets
  std::uint8_t chain_count = 0;          // 0 to kMaxChains
  std::uint8_t max_spatial = 0;
  std::uint8_t max_temporal = 0;
  bool has_resolutions = false;
  std::array<FrameDependencies, kMaxTemplates> templates{};
  /// Highest layers that a decode target includes.
  std::array<Layer, kMaxDecodeTargets> decode_targets{};
  /// The chain whose frames a decode target cannot miss; only when chain_count > 0.
  std::array<std::uint8_t, kMaxDecodeTargets> protected_by{};
  std::array<Resolution, kMaxSpatialLayers> resolutions{};  // by spatial layer

  [[nodiscard]] std::uint32_t all_decode_targets() const {
    return static_cast<std::uint32_t>((std::uint64_t{1} << decode_target_count) - 1);
  }
  friend bool operator==(const DependencyStructure&, const DependencyStructure&) = default;
};

/// Why a descriptor cannot be used. The packet then counts as no key frame of unknown layers.
enum class DescriptorError : std::uint8_t {
  kTooShort,         // ends within a field
  kNoStructure,      // none received yet: the key frame's first packet is missing
  kUnknownTemplate,  // of a structure that was lost, or that a newer one has replaced
  kTooManyTemplates,
  kTooManyLayers,
  kTooManyChains,
  kTooManyReferences,
};

/// The descriptor of one packet, resolved against its structure.
struct DependencyDescriptor {
  bool starts_frame = false;  // first packet of the frame
  bool ends_frame = false;    // last packet of the frame
  std::uint8_t template_id = 0;
  std::uint16_t frame_number = 0;
  /// The structure came with this packet: first packet of a key frame.
  bool has_structure = false;
  /// Bit i: decode target i is being sent. As this packet tells; none when it does not tell.
  std::optional<std::uint32_t> active_decode_targets;
  bool has_custom_indications = false;
  bool has_custom_references = false;
  bool has_custom_chains = false;
  /// Of this frame: its template's, with custom values in their place.
  FrameDependencies frame;
  /// Zero when the structure has no resolutions.
  DependencyStructure::Resolution resolution;
};

/// The fields that every descriptor has; they need no structure.
struct DescriptorStart {
  bool starts_frame = false;
  bool ends_frame = false;
  std::uint8_t template_id = 0;
  std::uint16_t frame_number = 0;
};
/// Nothing when `value` has fewer than 3 bytes.
[[nodiscard]] std::optional<DescriptorStart> read_descriptor_start(Bytes value);

/// Reads the descriptors of one stream and keeps its newest structure. About 4 KiB, no allocation.
class DependencyDescriptorReader {
 public:
  /// Reads the value of the extension. `sequence` is the packet's: a late packet (a retransmission)
  /// is read with its own structure but does not replace one of a newer packet. After an error
  /// nothing has changed.
  [[nodiscard]] base::Expected<DependencyDescriptor, DescriptorError> read(
      Bytes value, ExtendedSequence sequence);

  /// Null until a structure came.
  [[nodiscard]] const DependencyStructure* structure() const {
    return has_structure_ ? &structure_ : nullptr;
  }
  /// As last told by the sender; all of the structure's when it did not tell. 0 without structure.
  [[nodiscard]] std::uint32_t active_decode_targets() const { return active_decode_targets_; }
  void reset() { *this = DependencyDescriptorReader(); }

 private:
  /// Whether the kept structure is the one of a packet without its own.
  [[nodiscard]] base::Expected<void, DescriptorError> check_structure(
      ExtendedSequence sequence) const;
  base::Expected<DependencyDescriptor, DescriptorError> read_extended(
      Bytes value, ExtendedSequence sequence, DependencyDescriptor& descriptor);
  void keep_structure(const DependencyStructure& structure, ExtendedSequence sequence);

  DependencyStructure structure_;
  ExtendedSequence structure_sequence_;
  ExtendedSequence active_sequence_;
  std::uint32_t active_decode_targets_ = 0;
  bool has_structure_ = false;
};

enum class AttachStructure : std::uint8_t { kNo, kYes };

/// How a forwarded descriptor differs from the received one.
struct DescriptorRewrite {
  std::uint16_t frame_number = 0;
  /// kYes on the first packet of each forwarded key frame.
  AttachStructure attach = AttachStructure::kNo;
  /// Written when set; otherwise the packet does not tell.
  std::optional<std::uint32_t> active_decode_targets;
};

/// Largest value that an extension element can have.
inline constexpr std::size_t kMaxDescriptorSize = 255;

/// Writes a descriptor again. `structure` is the one with which `descriptor` was read. Returns the
/// size, 0 when `out` is too small.
[[nodiscard]] std::size_t write_dependency_descriptor(const DependencyDescriptor& descriptor,
                                                      const DependencyStructure& structure,
                                                      const DescriptorRewrite& rewrite,
                                                      MutableBytes out);

/// Changes the frame number only, in place, when nothing else has to. False when `value` has fewer
/// than 3 bytes.
bool set_descriptor_frame_number(MutableBytes value, std::uint16_t frame_number);

}  // namespace meridian::rtp
