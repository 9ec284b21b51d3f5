#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/decompress.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <hal-sim/load/elf.hpp>
#include <hal-sim/load/linux_image.hpp>
#include <hal-sim/load/load_plan.hpp>

namespace axvm::hal_sim {
namespace {

namespace fs = std::filesystem;
using Status = std::expected<void, Diagnostic>;

constexpr std::uint64_t kBlock = 2ULL << 20;
// Linux maps the device tree where it finds it, but wants it near the kernel.
constexpr std::uint64_t kReachOfBoot = 512ULL << 20;

class Planner {
 public:
  Planner(const VmFile& vm, const ImageSearch& search, Isa isa)
      : vm_(vm), search_(search), isa_(isa) {}

  std::expected<LoadPlan, Diagnostic> run() {
    for (const auto step : {&Planner::plan_kernel, &Planner::plan_ramdisk, &Planner::plan_dtb}) {
      if (auto done = (this->*step)(); !done) return std::unexpected(std::move(done.error()));
    }
    return std::move(plan_);
  }

 private:
  // --- the kernel --------------------------------------------------------------------------------

  Status plan_kernel() {
    constexpr const char* kKey = "kernel.kernel_path";
    auto file = read(kKey, vm_.kernel_path);
    if (!file) return std::unexpected(std::move(file.error()));
    const bool was_compressed = compression_of(file->bytes) != Compression::None;
    auto bytes = decompress(std::move(file->bytes));
    if (!bytes) return wrong(kKey, file->path, bytes.error());
    std::expected<std::uint64_t, Diagnostic> entry;
    if (is_elf(*bytes)) {
      entry = plan_elf(kKey, file->path, *bytes);
    } else if (linux_image_isa(*bytes)) {
      entry = plan_image(kKey, file->path, std::move(*bytes));
    } else if (was_compressed) {
      return wrong(
          kKey, file->path,
          fmt::format("is compressed, but neither an ELF file nor {}", linux_image_name(isa_)));
    } else {
      entry = plan_raw(kKey, file->path, std::move(*bytes));
    }
    if (!entry) return std::unexpected(std::move(entry.error()));
    plan_.entry = vm_.entry_point.value_or(*entry);
    // Of instructions: RISC-V has compressed ones.
    const unsigned alignment = instruction_alignment(isa_);
    if (plan_.entry % alignment != 0) {
      return wrong(kKey, file->path,
                   fmt::format("has the entry point {:#x}, expected a multiple of {}", plan_.entry,
                               alignment));
    }
    return {};
  }

  std::expected<std::uint64_t, Diagnostic> plan_raw(const std::string& key, const fs::path& path,
                                                    Bytes bytes) {
    if (!vm_.kernel_load_addr) {
      return missing("kernel.kernel_load_addr", "the address where a raw image goes");
    }
    const std::uint64_t at = *vm_.kernel_load_addr;
    const std::uint64_t size = bytes.size();
    if (auto added = add({key, path.string(), at, std::move(bytes), size, size}); !added) {
      return std::unexpected(std::move(added.error()));
    }
    return at;
  }

  std::expected<std::uint64_t, Diagnostic> plan_elf(const std::string& key, const fs::path& path,
                                                    ByteView bytes) {
    const auto program = parse_elf(bytes, isa_);
    if (!program) return wrong(key, path, program.error());
    const std::uint64_t wanted = vm_.kernel_load_addr.value_or(program->base());
    if (!program->position_independent && wanted != program->base()) {
      return wrong(
          "kernel.kernel_load_addr", path,
          fmt::format("is linked to {:#x}, expected this address or none", program->base()));
    }
    const std::uint64_t move = wanted - program->base();  // modulo 2^64, both ways
    for (const ElfSegment& segment : program->segments) {
      const ByteView contents = *part_of(bytes, segment.offset, segment.file_size);
      LoadPiece piece{key,
                      path.string(),
                      segment.address + move,
                      Bytes(contents.begin(), contents.end()),
                      segment.memory_size,
                      segment.memory_size};
      if (auto added = add(std::move(piece)); !added) {
        return std::unexpected(std::move(added.error()));
      }
    }
    return program->entry + move;
  }

  std::expected<std::uint64_t, Diagnostic> plan_image(const std::string& key, const fs::path& path,
                                                      Bytes bytes) {
    const auto header = parse_linux_image(bytes, isa_);
    if (!header) return wrong(key, path, header.error());
    constexpr std::uint64_t kAlignment = LinuxImage::kBaseAlignment;
    const MemoryRegionRow* memory = main_memory();
    std::uint64_t at = 0;
    if (vm_.kernel_load_addr) {
      at = *vm_.kernel_load_addr;
    } else if (memory != nullptr) {
      at = (memory->gpa + kAlignment - 1) / kAlignment * kAlignment + header->text_offset;
    }
    if ((at - header->text_offset) % kAlignment != 0) {
      return wrong("kernel.kernel_load_addr", path,
                   fmt::format("is {}, expected at {:#x} from a multiple of 2 MiB, not at {:#x}",
                               linux_image_name(isa_), header->text_offset, at));
    }
    is_linux_ = true;
    const std::uint64_t size = bytes.size();
    LoadPiece piece{key, path.string(), at, std::move(bytes), size, header->image_size};
    if (auto added = add(std::move(piece)); !added) {
      return std::unexpected(std::move(added.error()));
    }
    return at;
  }

  // --- what comes with it ------------------------------------------------------------------------

  Status plan_ramdisk() {
    if (!vm_.ramdisk) return {};
    constexpr const char* kKey = "kernel.ramdisk_path";
    auto file = read(kKey, vm_.ramdisk->path);
    if (!file) return std::unexpected(std::move(file.error()));
    auto placed = place(kKey, file->path.string(), std::move(file->bytes), vm_.ramdisk->load_addr);
    if (!placed) return std::unexpected(std::move(placed.error()));
    ramdisk_ = GuestPhysRange{GuestPhysAddr(*placed), file->size};
    return {};
  }

  Status plan_dtb() {
    if (!vm_.dtb_path && !vm_.dtb_load_addr && !is_linux_) return {};
    const std::string key = vm_.dtb_path ? "kernel.dtb_path" : "kernel.dtb_load_addr";
    std::string origin = "the device tree made from the configuration";
    std::expected<Bytes, std::string> tree;
    if (vm_.dtb_path) {
      const auto file = read(key, *vm_.dtb_path);
      if (!file) return std::unexpected(file.error());
      origin = file->path.string();
      tree = patch_device_tree(file->bytes, vm_, ramdisk_);
    } else {
      tree = make_device_tree(vm_, ramdisk_, isa_);
    }
    if (!tree) return wrong(key, origin, tree.error());
    const auto placed = place(key, origin, std::move(*tree), vm_.dtb_load_addr);
    if (!placed) return std::unexpected(placed.error());
    if (*placed % 8 != 0) {
      return wrong("kernel.dtb_load_addr", origin,
                   fmt::format("goes to {:#x}, expected a multiple of 8", *placed));
    }
    plan_.dtb = *placed;
    return {};
  }

  // --- places ------------------------------------------------------------------------------------

  [[nodiscard]] static bool is_memory(const MemoryRegionRow& region) {
    return !has_all(static_cast<MappingFlags>(region.flags), MappingFlags::Device);
  }
  // The first region that the guest can write.
  [[nodiscard]] const MemoryRegionRow* main_memory() const {
    for (const MemoryRegionRow& region : vm_.memory_regions) {
      if (is_memory(region) && has_all(static_cast<MappingFlags>(region.flags), kReadWrite)) {
        return &region;
      }
    }
    return nullptr;
  }

  // Whether regions of memory, which may adjoin each other, cover [base, base + size).
  [[nodiscard]] bool is_memory(std::uint64_t base, std::uint64_t size) const {
    std::uint64_t at = base;
    const std::uint64_t end = base + size;
    if (end < base) return false;
    while (at < end) {
      const auto holds = [at](const MemoryRegionRow& region) {
        return is_memory(region) && at >= region.gpa && at - region.gpa < region.size;
      };
      const auto found = std::ranges::find_if(vm_.memory_regions, holds);
      if (found == vm_.memory_regions.end()) return false;
      at = found->gpa + found->size;
    }
    return true;
  }

  [[nodiscard]] const LoadPiece* piece_in(GuestPhysRange range) const {
    const auto found = std::ranges::find_if(
        plan_.pieces, [&](const LoadPiece& piece) { return piece.range().overlaps(range); });
    return found == plan_.pieces.end() ? nullptr : &*found;
  }

  Status add(LoadPiece piece) {
    if (!is_memory(piece.gpa, piece.reserved)) {
      return wrong(piece.key, piece.origin,
                   fmt::format("({}) does not fit at {:#x}: part of the range is no memory",
                               format_size(piece.reserved), piece.gpa));
    }
    if (const LoadPiece* other = piece_in(piece.range())) {
      return wrong(
          piece.key, piece.origin,
          fmt::format("({}) at {:#x} overlaps {} ({}) at {:#x}", format_size(piece.reserved),
                      piece.gpa, other->origin, format_size(other->reserved), other->gpa));
    }
    plan_.pieces.push_back(std::move(piece));
    return {};
  }

  // At `wanted`, or as far up as there is room. Returns where.
  std::expected<std::uint64_t, Diagnostic> place(const std::string& key, const std::string& origin,
                                                 Bytes bytes, std::optional<std::uint64_t> wanted) {
    const std::uint64_t size = bytes.size();
    const std::optional<std::uint64_t> at = wanted ? wanted : top_of_memory(size);
    if (!at)
      return wrong(key, origin, fmt::format("({}) finds no room in memory", format_size(size)));
    if (auto added = add({key, origin, *at, std::move(bytes), size, size}); !added) {
      return std::unexpected(std::move(added.error()));
    }
    return *at;
  }

  [[nodiscard]] std::optional<std::uint64_t> top_of_memory(std::uint64_t size) const {
    const MemoryRegionRow* memory = main_memory();
    if (memory == nullptr) return std::nullopt;
    std::uint64_t ceiling = memory->gpa + std::min(memory->size, kReachOfBoot);
    while (ceiling >= size) {
      const std::uint64_t at = (ceiling - size) / kBlock * kBlock;
      if (at < memory->gpa) return std::nullopt;
      const LoadPiece* other = piece_in({GuestPhysAddr(at), size});
      if (other == nullptr) return at;
      ceiling = other->gpa;
    }
    return std::nullopt;
  }

  // --- files and findings ------------------------------------------------------------------------

  struct File {
    fs::path path;
    Bytes bytes;
    std::uint64_t size = 0;
  };

  std::expected<File, Diagnostic> read(const std::string& key, const std::string& name) const {
    const auto path = find_image(name, vm_.file, search_);
    if (!path) return std::unexpected(finding(key, path.error(), {}));
    auto bytes = read_file(*path);
    if (!bytes) return wrong(key, *path, bytes.error());
    const std::uint64_t size = bytes->size();
    return File{*path, std::move(*bytes), size};
  }

  [[nodiscard]] Diagnostic finding(const std::string& key, std::string what,
                                   std::string expected) const {
    return {vm_.file, vm_.locate(key), key, std::move(what), std::move(expected)};
  }
  [[nodiscard]] std::unexpected<Diagnostic> wrong(const std::string& key, const fs::path& origin,
                                                  const std::string& what) const {
    return std::unexpected(finding(key, origin.string() + " " + what, {}));
  }
  [[nodiscard]] std::unexpected<Diagnostic> missing(const std::string& key,
                                                    std::string expected) const {
    return std::unexpected(finding(key, "is missing", std::move(expected)));
  }

  const VmFile& vm_;
  const ImageSearch& search_;
  Isa isa_;
  LoadPlan plan_;
  std::optional<GuestPhysRange> ramdisk_;
  bool is_linux_ = false;
};

}  // namespace

std::expected<LoadPlan, Diagnostic> plan_load(const VmFile& vm, const ImageSearch& search,
                                              Isa isa) {
  return Planner(vm, search, isa).run();
}

Result<> load(VmBase& vm, const LoadPlan& plan) {
  for (const LoadPiece& piece : plan.pieces) {
    std::size_t done = 0;
    const auto copy = [&](std::span<std::byte> to) {
      const std::size_t n = std::min(to.size(), piece.bytes.size() - done);
      if (n != 0) std::memcpy(to.data(), piece.bytes.data() + done, n);
      std::ranges::fill(to.subspan(n), std::byte{0});
      done += n;
    };
    const auto loaded = vm.get_image_load_region(GuestPhysAddr(piece.gpa), piece.size, copy);
    if (!loaded) return loaded;
  }
  return {};
}

}  // namespace axvm::hal_sim
