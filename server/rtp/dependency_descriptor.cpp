#include "rtp/dependency_descriptor.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "rtp/bits.hpp"

// Field names in comments are those of appendix A.8.2 of the specification.
namespace meridian::rtp {
namespace {

constexpr std::size_t kMandatorySize = 3;
constexpr std::uint8_t kTemplateIds = 64;

enum NextLayer : std::uint8_t { kSameLayer, kNextTemporal, kNextSpatial, kNoMoreTemplates };

using Status = base::Expected<void, DescriptorError>;

Status read_layers(BitReader& bits, DependencyStructure& structure) {
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  std::uint32_t next_layer = kSameLayer;
  do {
    if (structure.template_count == DependencyStructure::kMaxTemplates) {
      return std::unexpected(DescriptorError::kTooManyTemplates);
    }
    FrameDependencies& frame = structure.templates[structure.template_count++];
    frame.spatial = spatial;
    frame.temporal = temporal;
    next_layer = bits.read(2);
    if (bits.failed()) {
      return std::unexpected(DescriptorError::kTooShort);
    }
    if (next_layer == kNextTemporal) {
      ++temporal;
    } else if (next_layer == kNextSpatial) {
      temporal = 0;
      ++spatial;
    }
    if (temporal == DependencyStructure::kMaxTemporalLayers ||
        spatial == DependencyStructure::kMaxSpatialLayers) {
      return std::unexpected(DescriptorError::kTooManyLayers);
    }
    structure.max_temporal = std::max(structure.max_temporal, temporal);
  } while (next_layer != kNoMoreTemplates);
  structure.max_spatial = spatial;
  return {};
}

void read_indications(BitReader& bits, std::uint8_t count, FrameDependencies& frame) {
  for (std::size_t target = 0; target < count; ++target) {
    frame.indications.set(target, static_cast<DecodeTargetIndication>(bits.read(2)));
  }
}

/// `read_size` gives the bits of the next difference, 0 at the end.
template <class ReadSize>
Status read_references(BitReader& bits, ReadSize read_size, FrameDependencies& frame) {
  frame.reference_count = 0;
  for (unsigned size = read_size(); size != 0; size = read_size()) {
    if (frame.reference_count == FrameDependencies::kMaxReferences) {
      return std::unexpected(DescriptorError::kTooManyReferences);
    }
    frame.references[frame.reference_count++] = static_cast<std::uint16_t>(bits.read(size) + 1);
  }
  return {};
}

Status read_chains(BitReader& bits, DependencyStructure& structure) {
  const std::uint32_t count = bits.non_symmetric(structure.decode_target_count + 1U);
  if (count > DependencyStructure::kMaxChains) {
    return std::unexpected(DescriptorError::kTooManyChains);
  }
  structure.chain_count = static_cast<std::uint8_t>(count);
  if (count == 0) {
    return {};
  }
  for (std::size_t target = 0; target < structure.decode_target_count; ++target) {
    structure.protected_by[target] = static_cast<std::uint8_t>(bits.non_symmetric(count));
  }
  for (std::size_t i = 0; i < structure.template_count; ++i) {
    for (std::size_t chain = 0; chain < count; ++chain) {
      structure.templates[i].chains[chain] = static_cast<std::uint8_t>(bits.read(4));
    }
  }
  return {};
}

/// decode_target_layers(): the highest layers among the frames that a target includes.
void derive_decode_targets(DependencyStructure& structure) {
  for (std::size_t target = 0; target < structure.decode_target_count; ++target) {
    DependencyStructure::Layer& layer = structure.decode_targets[target];
    for (std::size_t i = 0; i < structure.template_count; ++i) {
      const FrameDependencies& frame = structure.templates[i];
      if (frame.indications[target] != DecodeTargetIndication::kNotPresent) {
        layer.spatial = std::max(layer.spatial, frame.spatial);
        layer.temporal = std::max(layer.temporal, frame.temporal);
      }
    }
  }
}

Status read_structure(BitReader& bits, DependencyStructure& structure) {
  structure.template_id_offset = static_cast<std::uint8_t>(bits.read(6));
  structure.decode_target_count = static_cast<std::uint8_t>(bits.read(5) + 1);
  if (const Status status = read_layers(bits, structure); !status) {
    return status;
  }
  const auto templates = std::span(structure.templates).first(structure.template_count);
  for (FrameDependencies& frame : templates) {
    read_indications(bits, structure.decode_target_count, frame);
  }
  for (FrameDependencies& frame : templates) {
    const auto size = [&bits] { return bits.flag() ? 4U : 0U; };
    if (const Status status = read_references(bits, size, frame); !status) {
      return status;
    }
  }
  if (const Status status = read_chains(bits, structure); !status) {
    return status;
  }
  derive_decode_targets(structure);
  structure.has_resolutions = bits.flag();
  if (structure.has_resolutions) {
    for (std::size_t spatial = 0; spatial <= structure.max_spatial; ++spatial) {
      structure.resolutions[spatial].width = bits.read(16) + 1;
      structure.resolutions[spatial].height = bits.read(16) + 1;
    }
  }
  if (bits.failed()) {
    return std::unexpected(DescriptorError::kTooShort);
  }
  return {};
}

/// frame_dependency_definition()
Status read_frame(BitReader& bits, const DependencyStructure& structure,
                  DependencyDescriptor& descriptor) {
  const unsigned index =
      (descriptor.template_id + kTemplateIds - structure.template_id_offset) % kTemplateIds;
  if (index >= structure.template_count) {
    return std::unexpected(DescriptorError::kUnknownTemplate);
  }
  FrameDependencies& frame = descriptor.frame;
  frame = structure.templates[index];
  if (descriptor.has_custom_indications) {
    read_indications(bits, structure.decode_target_count, frame);
  }
  if (descriptor.has_custom_references) {
    const auto size = [&bits] { return 4U * bits.read(2); };
    if (const Status status = read_references(bits, size, frame); !status) {
      return status;
    }
  }
  if (descriptor.has_custom_chains) {
    for (std::size_t chain = 0; chain < structure.chain_count; ++chain) {
      frame.chains[chain] = static_cast<std::uint8_t>(bits.read(8));
    }
  }
  if (structure.has_resolutions) {
    descriptor.resolution = structure.resolutions[frame.spatial];
  }
  if (bits.failed()) {
    return std::unexpected(DescriptorError::kTooShort);
  }
  return {};
}

}  // namespace

std::optional<DescriptorStart> read_descriptor_start(Bytes value) {
  if (value.size() < kMandatorySize) {
    return std::nullopt;
  }
  return DescriptorStart{.starts_frame = (value[0] & 0x80U) != 0,
                         .ends_frame = (value[0] & 0x40U) != 0,
                         .template_id = static_cast<std::uint8_t>(value[0] & 0x3fU),
                         .frame_number = load_u16(value.data() + 1)};
}

base::Expected<DependencyDescriptor, DescriptorError> DependencyDescriptorReader::read(
    Bytes value, ExtendedSequence sequence) {
  const auto start = read_descriptor_start(value);
  if (!start) {
    return std::unexpected(DescriptorError::kTooShort);
  }
  DependencyDescriptor descriptor;
  descriptor.starts_frame = start->starts_frame;
  descriptor.ends_frame = start->ends_frame;
  descriptor.template_id = start->template_id;
  descriptor.frame_number = start->frame_number;
  if (value.size() == kMandatorySize) {
    BitReader nothing{Bytes{}};
    if (const auto usable = check_structure(sequence); !usable) {
      return std::unexpected(usable.error());
    }
    if (const Status status = read_frame(nothing, structure_, descriptor); !status) {
      return std::unexpected(status.error());
    }
    return descriptor;
  }
  return read_extended(value, sequence, descriptor);
}

base::Expected<void, DescriptorError> DependencyDescriptorReader::check_structure(
    ExtendedSequence sequence) const {
  if (!has_structure_) {
    return std::unexpected(DescriptorError::kNoStructure);
  }
  if (sequence < structure_sequence_) {
    return std::unexpected(DescriptorError::kUnknownTemplate);
  }
  return {};
}

base::Expected<DependencyDescriptor, DescriptorError> DependencyDescriptorReader::read_extended(
    Bytes value, ExtendedSequence sequence, DependencyDescriptor& descriptor) {
  BitReader bits(value.subspan(kMandatorySize));
  descriptor.has_structure = bits.flag();
  const bool has_active_decode_targets = bits.flag();
  descriptor.has_custom_indications = bits.flag();
  descriptor.has_custom_references = bits.flag();
  descriptor.has_custom_chains = bits.flag();
  DependencyStructure attached;
  Status status =
      descriptor.has_structure ? read_structure(bits, attached) : check_structure(sequence);
  if (!status) {
    return std::unexpected(status.error());
  }
  const DependencyStructure& structure = descriptor.has_structure ? attached : structure_;
  if (has_active_decode_targets) {
    descriptor.active_decode_targets = bits.read(structure.decode_target_count);
  }
  status = read_frame(bits, structure, descriptor);
  if (!status) {
    return std::unexpected(status.error());
  }
  if (descriptor.has_structure) {
    keep_structure(attached, sequence);
  }
  if (descriptor.active_decode_targets && sequence >= active_sequence_) {
    active_decode_targets_ = *descriptor.active_decode_targets;
    active_sequence_ = sequence;
  }
  return descriptor;
}

void DependencyDescriptorReader::keep_structure(const DependencyStructure& structure,
                                                ExtendedSequence sequence) {
  if (sequence >= active_sequence_) {
    active_decode_targets_ = structure.all_decode_targets();
    active_sequence_ = sequence;
  }
  // A repeated structure stays valid for the late packets of before its repetition.
  if (has_structure_ && (sequence < structure_sequence_ || structure == structure_)) {
    return;
  }
  structure_ = structure;
  structure_sequence_ = sequence;
  has_structure_ = true;
}

namespace {

NextLayer next_layer(const FrameDependencies& from, const FrameDependencies& to) {
  if (to.spatial == from.spatial && to.temporal == from.temporal) {
    return kSameLayer;
  }
  if (to.spatial == from.spatial && to.temporal == from.temporal + 1) {
    return kNextTemporal;
  }
  MERIDIAN_CHECK(to.spatial == from.spatial + 1 && to.temporal == 0);
  return kNextSpatial;
}

void write_indications(BitWriter& bits, std::uint8_t count, const FrameDependencies& frame) {
  for (std::size_t target = 0; target < count; ++target) {
    bits.write(static_cast<std::uint8_t>(frame.indications[target]), 2);
  }
}

void write_chains(BitWriter& bits, const DependencyStructure& structure) {
  bits.non_symmetric(structure.chain_count, structure.decode_target_count + 1U);
  if (structure.chain_count == 0) {
    return;
  }
  for (std::size_t target = 0; target < structure.decode_target_count; ++target) {
    bits.non_symmetric(structure.protected_by[target], structure.chain_count);
  }
  for (std::size_t i = 0; i < structure.template_count; ++i) {
    for (std::size_t chain = 0; chain < structure.chain_count; ++chain) {
      bits.write(structure.templates[i].chains[chain], 4);
    }
  }
}

void write_structure(BitWriter& bits, const DependencyStructure& structure) {
  bits.write(structure.template_id_offset, 6);
  bits.write(structure.decode_target_count - 1U, 5);
  const auto templates = std::span(structure.templates).first(structure.template_count);
  for (std::size_t i = 0; i + 1 < templates.size(); ++i) {
    bits.write(next_layer(templates[i], templates[i + 1]), 2);
  }
  bits.write(kNoMoreTemplates, 2);
  for (const FrameDependencies& frame : templates) {
    write_indications(bits, structure.decode_target_count, frame);
  }
  for (const FrameDependencies& frame : templates) {
    for (const std::uint16_t difference : frame.reference_span()) {
      bits.flag(true);
      bits.write(difference - 1U, 4);
    }
    bits.flag(false);
  }
  write_chains(bits, structure);
  bits.flag(structure.has_resolutions);
  if (structure.has_resolutions) {
    for (std::size_t spatial = 0; spatial <= structure.max_spatial; ++spatial) {
      bits.write(structure.resolutions[spatial].width - 1U, 16);
      bits.write(structure.resolutions[spatial].height - 1U, 16);
    }
  }
}

void write_custom_values(BitWriter& bits, const DependencyDescriptor& descriptor,
                         const DependencyStructure& structure) {
  const FrameDependencies& frame = descriptor.frame;
  if (descriptor.has_custom_indications) {
    write_indications(bits, structure.decode_target_count, frame);
  }
  if (descriptor.has_custom_references) {
    for (const std::uint16_t difference : frame.reference_span()) {
      const unsigned value = difference - 1U;
      const unsigned nibbles = value < 0x10 ? 1 : value < 0x100 ? 2 : 3;
      bits.write(nibbles, 2);
      bits.write(value, 4 * nibbles);
    }
    bits.write(0, 2);
  }
  if (descriptor.has_custom_chains) {
    for (std::size_t chain = 0; chain < structure.chain_count; ++chain) {
      bits.write(frame.chains[chain], 8);
    }
  }
}

}  // namespace

std::size_t write_dependency_descriptor(const DependencyDescriptor& descriptor,
                                        const DependencyStructure& structure,
                                        const DescriptorRewrite& rewrite, MutableBytes out) {
  const bool attaches = rewrite.attach == AttachStructure::kYes;
  // An attached structure says by itself that all of its decode targets are active.
  const bool tells_active =
      rewrite.active_decode_targets &&
      !(attaches && *rewrite.active_decode_targets == structure.all_decode_targets());
  BitWriter bits(out.first(std::min(out.size(), kMaxDescriptorSize)));
  bits.flag(descriptor.starts_frame);
  bits.flag(descriptor.ends_frame);
  bits.write(descriptor.template_id, 6);
  bits.write(rewrite.frame_number, 16);
  if (attaches || tells_active || descriptor.has_custom_indications ||
      descriptor.has_custom_references || descriptor.has_custom_chains) {
    bits.flag(attaches);
    bits.flag(tells_active);
    bits.flag(descriptor.has_custom_indications);
    bits.flag(descriptor.has_custom_references);
    bits.flag(descriptor.has_custom_chains);
    if (attaches) {
      write_structure(bits, structure);
    }
    if (tells_active) {
      bits.write(*rewrite.active_decode_targets, structure.decode_target_count);
    }
    write_custom_values(bits, descriptor, structure);
  }
  return bits.failed() ? 0 : bits.size();
}

bool set_descriptor_frame_number(MutableBytes value, std::uint16_t frame_number) {
  if (value.size() < kMandatorySize) {
    return false;
  }
  store_u16(value.data() + 1, frame_number);
  return true;
}

}  // namespace meridian::rtp
