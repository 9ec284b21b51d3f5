// Saving a machine to a file, and going on from there in another process.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <hal-sim/host/host.hpp>
#include <hal-sim/snapshot/state_stream.hpp>
#include <type_traits>
#include <utility>

namespace axvm::hal_sim {
namespace {

using SaveCore = SaveVisitor<axvm::StateVisitor>;
using SaveSim = SaveVisitor<axvm::sim::StateVisitor>;
using LoadCore = LoadVisitor<axvm::StateVisitor>;
using LoadSim = LoadVisitor<axvm::sim::StateVisitor>;

// Removes a file that is not whole.
class NewFile {
 public:
  explicit NewFile(const std::string& name) : name_(name), file_(std::fopen(name.c_str(), "wbe")) {}
  ~NewFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(name_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] std::FILE* get() const { return file_; }
  [[nodiscard]] bool keep() { return std::fclose(std::exchange(file_, nullptr)) == 0; }

 private:
  const std::string& name_;
  std::FILE* file_;
};

}  // namespace

std::expected<void, std::string> Host::save(const std::string& file,
                                            const MachineIdentity& machine) {
  const auto error = [&] {
    return std::unexpected(fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  };
  if (final_)
    return std::unexpected(fmt::format("cannot save a machine that has {}", final_->text));
  if (const auto disk = backends_->written_in_place()) {
    return std::unexpected(fmt::format(
        "cannot save what is on disk \"{}\": it is written in place, expected overlay = true",
        *disk));
  }
  NewFile out(file);
  if (out.get() == nullptr) return error();
  SnapshotWriter writer(out.get());
  writer.begin("identity");
  const std::string identity = to_lines(machine);
  writer.write(std::as_bytes(std::span(identity)));
  writer.end();
  SaveSim save_machine(writer);
  SaveCore save(writer);
  writer.begin("machine");
  machine_->describe(save_machine);
  writer.end();
  writer.begin("vmm");
  describe_vmm(save);
  writer.end();
  writer.begin("host");
  describe_host(save);
  writer.end();
  writer.begin("choices");
  choices_->describe(save);
  writer.end();
  if (!writer.finish() || !out.keep()) return error();
  return {};
}

std::expected<void, std::string> Host::restore(const Snapshot& snapshot) {
  std::string error;
  const auto load = [&](auto visitor_type, std::string_view section, const auto& describe) {
    if (!error.empty()) return;
    const auto saved = snapshot.section(section);
    if (!saved) {
      error = fmt::format("{} has no section \"{}\"", snapshot.file(), section);
      return;
    }
    typename decltype(visitor_type)::type visitor(*saved);
    describe(visitor);
    if (const std::string what = visitor.error(); !what.empty()) {
      error = fmt::format("{}: section \"{}\" {}: it was saved by another build", snapshot.file(),
                          section, what);
    }
  };
  using Machine = std::type_identity<LoadSim>;
  using Core = std::type_identity<LoadCore>;
  load(Machine{}, "machine", [this](LoadSim& visitor) { machine_->describe(visitor); });
  load(Core{}, "vmm", [this](LoadCore& visitor) { describe_vmm(visitor); });
  load(Core{}, "host", [this](LoadCore& visitor) { describe_host(visitor); });
  load(Core{}, "choices", [this](LoadCore& visitor) { choices_->describe(visitor); });
  if (!error.empty()) return std::unexpected(std::move(error));
  return {};
}

}  // namespace axvm::hal_sim
