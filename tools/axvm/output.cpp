#include <cerrno>
#include <cstring>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

std::unique_ptr<Output> Output::standard() {
  return std::unique_ptr<Output>(new Output(stdout, "the standard output"));
}

std::expected<std::unique_ptr<Output>, std::string> Output::create(const std::string& file) {
  std::FILE* opened = std::fopen(file.c_str(), "wb");
  if (opened == nullptr) {
    return std::unexpected(fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  }
  return std::unique_ptr<Output>(new Output(opened, file));
}

Output::~Output() {
  if (file_ != stdout) std::fclose(file_);
}

void Output::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() && error_ == 0) error_ = errno;
}

void Output::flush() {
  if (std::fflush(file_) != 0 && error_ == 0) error_ = errno;
}

std::optional<std::string> Output::finish() {
  flush();
  if (error_ == 0) return std::nullopt;
  return fmt::format("cannot write {}: {}", name_, std::strerror(error_));
}

int settle(Output& output, int status) {
  const auto lost = output.finish();
  if (!lost) return status;
  complain(*lost);
  return status == kPoweredOff ? kGuestFailed : status;
}

}  // namespace axvm::tool
