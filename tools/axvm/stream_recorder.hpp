#pragma once
// --record-stream: what a guest accesses, in a file that the walk lab reads.

#include <hal-sim/host/host.hpp>
#include <lab/trace/guest_trace.hpp>
#include <memory>
#include <string>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

class StreamRecorder {
 public:
  /// Null when the file cannot be written: one line has been printed.
  static std::unique_ptr<StreamRecorder> create(const std::string& file);

  /// What pCPU 0 accesses, from now on. This outlives the host. False when guests of its
  /// architecture cannot be recorded.
  [[nodiscard]] bool add_to(hal_sim::Host& host);
  /// Returns the run's status, or that the file could not be written.
  [[nodiscard]] int finish(int status);

 private:
  explicit StreamRecorder(std::unique_ptr<Output> file)
      : file_(std::move(file)), writer_([this](std::string_view bytes) { file_->write(bytes); }) {}

  std::unique_ptr<Output> file_;
  lab::GuestTraceWriter writer_;
};

}  // namespace axvm::tool
