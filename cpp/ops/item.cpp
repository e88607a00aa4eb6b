#include "ops/item.h"

namespace izvod {

Scalar load_scalar(const char* data, DType t) {
  return visit(t, [&]<class T>(Type<T>) -> Scalar {
    const T& x = *reinterpret_cast<const T*>(data);
    if constexpr (std::is_same_v<T, bool>)
      return Scalar(x);
    else if constexpr (std::is_integral_v<T>)
      return Scalar(int64_t(x));
    else
      return Scalar(double(x));
  });
}

void store_scalar(char* data, DType t, const Scalar& value) {
  visit(t, [&]<class T>(Type<T>) {
    T& x = *reinterpret_cast<T*>(data);
    if constexpr (std::is_same_v<T, bool>)
      x = value.is_float() ? value.f != 0 : value.i != 0;
    else if constexpr (std::is_integral_v<T>)
      x = T(value.to_int());
    else
      x = T(value.to_double());
  });
}

Scalar item(const Tensor& x) {
  check(x.numel() == 1, "a Tensor with ", x.numel(), " elements cannot be converted to Scalar");
  return load_scalar(x.impl()->data, x.dtype());
}

}  // namespace izvod
