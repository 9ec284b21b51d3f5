#include <core/arch/riscv64/plic/plic_device.hpp>
#include <core/arch/riscv64/word_access.hpp>

namespace axvm::riscv64 {
namespace {

constexpr std::uint64_t kThreshold = 0;
constexpr std::uint64_t kClaim = 4;

}  // namespace

Result<std::uint64_t> PlicDevice::read(std::uint64_t offset, AccessWidth width) {
  if (const auto checked = check_word_access(offset, width); !checked) {
    return std::unexpected(checked.error());
  }
  return read_register(offset);
}

Result<> PlicDevice::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  if (const auto checked = check_word_access(offset, width); !checked) return checked;
  write_register(offset, static_cast<std::uint32_t>(value));
  return {};
}

template <class F>
void PlicDevice::with_vcpu(std::uint64_t context, const F& f) {
  if (context % 2 == 1 && context / 2 < plic_.vcpu_count()) {
    f(static_cast<unsigned>(context / 2));
  }
}

std::uint32_t PlicDevice::read_register(std::uint64_t offset) {
  std::uint32_t value = 0;
  if (offset < kPending) {
    value = plic_.priority(static_cast<std::uint32_t>(offset / 4));
  } else if (offset < kPending + kEnableStride) {
    value = plic_.pending(static_cast<unsigned>((offset - kPending) / 4));
  } else if (offset >= kContexts) {
    const std::uint64_t in_context = (offset - kContexts) % kContextStride;
    with_vcpu((offset - kContexts) / kContextStride, [&](unsigned vcpu) {
      if (in_context == kThreshold) value = plic_.threshold(vcpu);
      if (in_context == kClaim) value = plic_.claim(vcpu);
    });
  } else if (offset >= kEnables) {
    const auto word = static_cast<unsigned>((offset - kEnables) % kEnableStride / 4);
    with_vcpu((offset - kEnables) / kEnableStride,
              [&](unsigned vcpu) { value = plic_.enabled(vcpu, word); });
  }
  return value;
}

void PlicDevice::write_register(std::uint64_t offset, std::uint32_t value) {
  if (offset < kPending) {
    plic_.set_priority(static_cast<std::uint32_t>(offset / 4), value);
  } else if (offset >= kContexts) {
    const std::uint64_t in_context = (offset - kContexts) % kContextStride;
    with_vcpu((offset - kContexts) / kContextStride, [&](unsigned vcpu) {
      if (in_context == kThreshold) plic_.set_threshold(vcpu, value);
      if (in_context == kClaim) plic_.complete(vcpu, value);
    });
  } else if (offset >= kEnables) {
    const auto word = static_cast<unsigned>((offset - kEnables) % kEnableStride / 4);
    with_vcpu((offset - kEnables) / kEnableStride,
              [&](unsigned vcpu) { plic_.enable(vcpu, word, value); });
  }
}

}  // namespace axvm::riscv64
