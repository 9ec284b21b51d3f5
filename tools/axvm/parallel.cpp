#include <fcntl.h>
#include <fmt/format.h>
// NOLINTNEXTLINE(modernize-deprecated-headers): POSIX: kill, signal
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/parallel.hpp>

namespace axvm::tool {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// A machine's process and what it has said.
struct Job {
  std::string file;
  File out{nullptr, std::fclose};
  File err{nullptr, std::fclose};
  pid_t process = -1;
  bool ended = false;
  int status = kBadUsage;
};

[[noreturn]] void be(const Job& job, pid_t parent,
                     const std::function<int(const std::string&)>& run) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kGuestFailed);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(fileno(job.out.get()), STDOUT_FILENO);
  dup2(fileno(job.err.get()), STDERR_FILENO);
  signal(SIGINT, SIG_DFL);
  const int status = run(job.file);
  std::fflush(nullptr);
  _exit(status);
}

bool start(Job& job, const std::function<int(const std::string&)>& run) {
  job.out.reset(std::tmpfile());
  job.err.reset(std::tmpfile());
  if (!job.out || !job.err) return false;
  std::fflush(nullptr);
  const pid_t parent = getpid();
  job.process = fork();
  if (job.process == 0) be(job, parent, run);
  return job.process > 0;
}

void copy(std::FILE* from, std::FILE* to) {
  if (std::fseek(from, 0, SEEK_SET) != 0) return;
  std::array<char, 65'536> bytes{};
  while (const std::size_t n = std::fread(bytes.data(), 1, bytes.size(), from)) {
    std::fwrite(bytes.data(), 1, n, to);
  }
  std::fflush(to);
}

void show(Job& job) {
  say(fmt::format("== {}\n", job.file));
  if (job.out) copy(job.out.get(), stdout);
  if (job.err) copy(job.err.get(), stderr);
  job.out.reset();
  job.err.reset();
}

// Waits for any of the jobs.
void reap(std::vector<Job>& jobs) {
  int status = 0;
  const pid_t process = wait(&status);
  for (Job& job : jobs) {
    if (job.process != process || process <= 0) continue;
    job.ended = true;
    job.status = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  }
}

}  // namespace

int run_parallel(const std::vector<std::string>& files, unsigned jobs,
                 const std::function<int(const std::string& file)>& run) {
  // Ctrl-C ends the machines, whose reports are still wanted.
  signal(SIGINT, SIG_IGN);
  std::vector<Job> all(files.size());
  unsigned running = 0;
  std::size_t started = 0;
  int worst = 0;
  for (std::size_t shown = 0; shown < all.size();) {
    if (started < all.size() && running < jobs) {
      Job& job = all[started];
      job.file = files[started++];
      if (start(job, run)) {
        ++running;
      } else {
        complain(fmt::format("cannot start a process: {}", std::strerror(errno)));
        job.ended = true;
      }
    } else if (!all[shown].ended) {
      reap(all);
      running = static_cast<unsigned>(
          std::ranges::count_if(all, [](const Job& job) { return job.process > 0 && !job.ended; }));
    } else {
      show(all[shown]);
      worst = std::max(worst, all[shown++].status);
    }
  }
  return worst;
}

}  // namespace axvm::tool
