#pragma once
// std::min without <algorithm>, which freestanding code cannot rely on.

namespace axvm {

template <class T>
[[nodiscard]] constexpr T smaller(T a, T b) noexcept {
  return b < a ? b : a;
}

}  // namespace axvm
