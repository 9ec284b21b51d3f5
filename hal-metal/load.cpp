#include <cstring>
#include <hal-metal/load.hpp>

namespace axvm::hal_metal {
namespace {

Result<> load_piece(VmBase& vm, const GuestPiece& piece) {
  auto rest = piece.bytes;
  const auto copy = [&](std::span<std::byte> to) {
    const std::size_t n = rest.size() < to.size() ? rest.size() : to.size();
    if (n != 0) std::memcpy(to.data(), rest.data(), n);
    if (n != to.size()) std::memset(to.data() + n, 0, to.size() - n);
    rest = rest.subspan(n);
  };
  return vm.get_image_load_region(piece.gpa, piece.size, copy);
}

}  // namespace

Result<> load(VmBase& vm, const Guest& guest) {
  for (const GuestPiece& piece : guest.pieces) {
    if (auto done = load_piece(vm, piece); !done) return done;
  }
  return {};
}

}  // namespace axvm::hal_metal
