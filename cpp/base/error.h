#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace izvod {

// One class per Python exception that torch raises; bind/ translates them one to one.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct RuntimeError : Error {
  using Error::Error;
};
struct IndexError : Error {
  using Error::Error;
};
struct TypeError : Error {
  using Error::Error;
};
struct ValueError : Error {
  using Error::Error;
};
struct NotImplementedError : Error {
  using Error::Error;
};
struct MemoryError : Error {
  using Error::Error;
};

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream s;
  ((s << parts), ...);
  return s.str();
}

// The message is put together only when the check fails.
template <class E = RuntimeError, class... Parts>
inline void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    throw E(text(parts...));
}

}  // namespace izvod
