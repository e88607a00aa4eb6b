#pragma once
#include <cstdint>

#include "tensor/tensor.h"

namespace izvod {

// A Python number.
struct Scalar {
  enum class Kind : uint8_t { Bool, Int, Float } kind = Kind::Int;
  union {
    int64_t i = 0;
    double f;
  };

  Scalar() = default;
  Scalar(bool x) : kind(Kind::Bool) { i = x; }
  Scalar(int x) : kind(Kind::Int) { i = x; }
  Scalar(int64_t x) : kind(Kind::Int) { i = x; }
  Scalar(double x) : kind(Kind::Float) { f = x; }

  bool is_float() const { return kind == Kind::Float; }
  double to_double() const { return is_float() ? f : double(i); }
  int64_t to_int() const { return is_float() ? int64_t(f) : i; }
  bool is_zero() const { return is_float() ? f == 0 : i == 0; }
  // As an element of type t holds it: without a fraction, wrapped around where it is too large.
  Scalar as(DType t) const {
    if (is_floating(t)) return *this;
    if (t == DType::Bool) return Scalar(!is_zero());
    return visit(t, [&]<class T>(Type<T>) { return Scalar(int64_t(T(to_int()))); });
  }
  // The dtype that holds this number exactly.
  DType storage_type() const {
    return kind == Kind::Bool ? DType::Bool : kind == Kind::Int ? DType::Int64 : DType::Float64;
  }
};

// An argument that may be a tensor or a number. It lives as long as the call it is passed to.
struct Arg {
  const Tensor* tensor = nullptr;
  Scalar scalar;

  Arg(const Tensor& t) : tensor(&t) {}
  Arg(Scalar s) : scalar(s) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Arg(T x)
      : scalar(std::is_floating_point_v<T> ? Scalar(double(x))
               : std::is_same_v<T, bool>   ? Scalar(bool(x))
                                           : Scalar(int64_t(x))) {}

  bool is_tensor() const { return tensor != nullptr; }
  int64_t dim() const { return tensor ? tensor->dim() : 0; }
};
}  // namespace izvod
