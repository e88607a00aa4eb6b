#pragma once
#include <array>
#include <cstdint>

#include "base/error.h"
#include "base/half.h"

namespace izvod {

// In the order of promotion within a kind; complex types will follow.
enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64
};
inline constexpr int dtype_count = 10;

// name: torch's attribute. noun and cpp_name: the words in torch's messages ("Float", "float").
struct DTypeInfo {
  const char* name;
  const char* noun;
  const char* cpp_name;
  int8_t itemsize;
  bool floating, is_signed;
};
inline constexpr std::array<DTypeInfo, dtype_count> dtype_table{{
    {"bool", "Bool", "bool", 1, false, false},
    {"uint8", "Byte", "unsigned char", 1, false, false},
    {"int8", "Char", "signed char", 1, false, true},
    {"int16", "Short", "short int", 2, false, true},
    {"int32", "Int", "int", 4, false, true},
    {"int64", "Long", "long int", 8, false, true},
    {"float16", "Half", "c10::Half", 2, true, true},
    {"bfloat16", "BFloat16", "c10::BFloat16", 2, true, true},
    {"float32", "Float", "float", 4, true, true},
    {"float64", "Double", "double", 8, true, true},
}};

constexpr const DTypeInfo& info(DType t) { return dtype_table[size_t(t)]; }
constexpr int64_t itemsize(DType t) { return info(t).itemsize; }
constexpr bool is_floating(DType t) { return info(t).floating; }
constexpr bool is_integral(DType t) { return !info(t).floating && t != DType::Bool; }

template <class T> inline constexpr DType dtype_of = DType::Bool;
template <> inline constexpr DType dtype_of<uint8_t> = DType::UInt8;
template <> inline constexpr DType dtype_of<int8_t> = DType::Int8;
template <> inline constexpr DType dtype_of<int16_t> = DType::Int16;
template <> inline constexpr DType dtype_of<int32_t> = DType::Int32;
template <> inline constexpr DType dtype_of<int64_t> = DType::Int64;
template <> inline constexpr DType dtype_of<Half> = DType::Float16;
template <> inline constexpr DType dtype_of<BFloat16> = DType::BFloat16;
template <> inline constexpr DType dtype_of<float> = DType::Float32;
template <> inline constexpr DType dtype_of<double> = DType::Float64;

template <class T> struct Type {
  using type = T;
};

// Calls f(Type<T>{}) with the C++ type behind t.
template <class F>
decltype(auto) visit(DType t, F&& f) {
  switch (t) {
    case DType::Bool:
      return f(Type<bool>{});
    case DType::UInt8:
      return f(Type<uint8_t>{});
    case DType::Int8:
      return f(Type<int8_t>{});
    case DType::Int16:
      return f(Type<int16_t>{});
    case DType::Int32:
      return f(Type<int32_t>{});
    case DType::Int64:
      return f(Type<int64_t>{});
    case DType::Float16:
      return f(Type<Half>{});
    case DType::BFloat16:
      return f(Type<BFloat16>{});
    case DType::Float32:
      return f(Type<float>{});
    default:
      return f(Type<double>{});
  }
}

// Only the floating types; the caller has checked.
template <class F>
decltype(auto) visit_floating(DType t, F&& f) {
  switch (t) {
    case DType::Float16:
      return f(Type<Half>{});
    case DType::BFloat16:
      return f(Type<BFloat16>{});
    case DType::Float64:
      return f(Type<double>{});
    default:
      return f(Type<float>{});
  }
}

}  // namespace izvod
