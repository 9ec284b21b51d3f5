// A user of the core alone.
#include <axvm/config.hpp>

int main() {
  const axvm::VmConfig config{.id = 1};
  const auto error = config.validate();
  return error && error->field == axvm::ConfigField::Name ? 0 : 1;
}
