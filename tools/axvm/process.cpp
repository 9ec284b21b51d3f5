#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/process.hpp>

namespace axvm::tool {
namespace {

// Calls `line` for each line that comes, and for what is left at the end.
void read_lines(int descriptor, const std::function<void(std::string_view)>& line) {
  std::string rest;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t n = read(descriptor, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (;;) {
      const std::size_t end = rest.find('\n', begin);
      if (end == std::string::npos) break;
      line(std::string_view(rest).substr(begin, end - begin));
      begin = end + 1;
    }
    rest.erase(0, begin);
  }
  if (!rest.empty()) line(rest);
}

}  // namespace

std::expected<int, std::string> run_program(const std::vector<std::string>& command,
                                            const std::function<void(std::string_view)>& line) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto failed = [&](int error) {
    return std::unexpected(fmt::format("{} cannot be run: {}", command.front(),
                                       std::generic_category().message(error)));
  };
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed(errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) read_lines(ends[0], line);
  close(ends[0]);
  if (error != 0) return failed(error);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace axvm::tool
