#include <tools/axvm/configuration.hpp>
#include <tools/axvm/stream_recorder.hpp>
#include <utility>

namespace axvm::tool {

std::unique_ptr<StreamRecorder> StreamRecorder::create(const std::string& file) {
  auto output = Output::create(file);
  if (output) return std::unique_ptr<StreamRecorder>(new StreamRecorder(std::move(*output)));
  complain("--record-stream: " + output.error());
  return nullptr;
}

bool StreamRecorder::add_to(hal_sim::Host& host) {
  return host.machine().pcpu(0).set_access_listener(
      [this](sim::timing::Access access, std::uint64_t va) { writer_.add(access, va); });
}

int StreamRecorder::finish(int status) {
  writer_.finish();
  return settle(*file_, status);
}

}  // namespace axvm::tool
