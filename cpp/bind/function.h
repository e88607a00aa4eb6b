#pragma once
// From C++ functions to Python functions and methods:
//
//     def<"softmax">("input, dim, dtype=None", softmax);
//
// gives torch.softmax and Tensor.softmax. The text names the arguments and their defaults (None, True, False, numbers,
// 'strings'); '*' makes the following ones keyword-only, '*name' takes the remaining positional ints as one list. The types
// are the C++ function's. Overloads are tried in order.
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <tuple>
#include <vector>

#include "bind/arguments.h"

namespace izvod::bind {

struct Parameter {
  std::string name;
  PyObject* interned = nullptr;
  PyObject* default_value = nullptr;  // none: required
  bool keyword_only = false, variadic = false;
};

inline constexpr int max_parameters = 20;

// Why an overload does not fit; worded only if no other one does.
struct Mismatch {
  enum Kind { None, TooMany, Missing, Unknown, Twice, WrongType } kind = None;
  int parameter = 0;
  PyObject* object = nullptr;
  const char* expected = nullptr;
};

struct Overload {
  using Call = PyObject* (*)(PyObject* const* values, Mismatch& mismatch, void* function);
  std::vector<Parameter> parameters;
  Call call;
  void* function;
  std::string text;
};

struct Function {
  const char* name;
  std::vector<Overload> overloads;
};

Overload make_overload(const char* parameters, Overload::Call call, void* function);
// Calls the first overload that fits; `self`, if given, comes before the arguments.
PyObject* dispatch(const Function& f, PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords);

namespace detail {

// Arg has no empty state, so it is kept as a number until it is read.
struct ArgStorage {
  Arg arg{Scalar()};
};
template <class T> struct Storage { using type = std::decay_t<T>; };
template <> struct Storage<const Arg&> { using type = ArgStorage; };
template <class T> T& unwrap(T& x) { return x; }
inline Arg& unwrap(ArgStorage& x) { return x.arg; }

template <size_t i, class T>
bool convert(PyObject* o, T& x, Mismatch& mismatch) {
  using Value = std::remove_reference_t<decltype(unwrap(x))>;
  if (Convert<Value>::from(o, unwrap(x))) return true;
  mismatch = {Mismatch::WrongType, int(i), o, Convert<Value>::name};
  return false;
}

template <class F> struct Signature;
template <class R, class... As>
struct Signature<R (*)(As...)> {
  static PyObject* entry(PyObject* const* values, Mismatch& mismatch, void* function) {
    return call(values, mismatch, reinterpret_cast<R (*)(As...)>(function), std::index_sequence_for<As...>{});
  }
  template <size_t... i>
  static PyObject* call(PyObject* const* values, Mismatch& mismatch, R (*f)(As...), std::index_sequence<i...>) {
    std::tuple<typename Storage<As>::type...> held;
    if (!(convert<i>(values[i], std::get<i>(held), mismatch) && ...)) return nullptr;
    if constexpr (std::is_void_v<R>) {
      f(unwrap(std::get<i>(held))...);
      Py_RETURN_NONE;
    } else {
      return to_python(f(unwrap(std::get<i>(held))...));
    }
  }
};

}  // namespace detail

template <class F>
Overload overload(const char* parameters, F f) {
  auto* p = +f;
  return make_overload(parameters, detail::Signature<decltype(p)>::entry, reinterpret_cast<void*>(p));
}

template <size_t n>
struct FixedName {
  char text[n];
  constexpr FixedName(const char (&s)[n]) { std::copy_n(s, n, text); }
};

// Where a row goes: torch.name, Tensor.name, both, or torch._C._nn.name.
enum Where { InModule = 1, InTensor = 2, InBoth = 3, InNN = 4 };

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
void add_entry(Where where, const char* name, FastFunction entry);

template <FixedName name, Where where>
struct Entry {
  static inline Function function;
  static PyObject* plain(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    return guarded([&] { return dispatch(function, nullptr, args, n, keywords); });
  }
  static PyObject* method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    return guarded([&] { return dispatch(function, self, args, n, keywords); });
  }
};

// One row: a name, where it is found, how it may be called.
template <FixedName name, Where where = InBoth>
void def(std::initializer_list<Overload> overloads) {
  using E = Entry<name, where>;
  E::function = {name.text, overloads};
  if constexpr (where & InModule) add_entry(InModule, name.text, E::plain);
  if constexpr (where & InTensor) add_entry(InTensor, name.text, E::method);
  if constexpr (where & InNN) add_entry(InNN, name.text, E::plain);
}
template <FixedName name, Where where = InBoth, class F>
void def(const char* parameters, F f) {
  def<name, where>({overload(parameters, f)});
}

// Where the rows of one family are: each file bind/rows_*.cpp defines one of these.
void add_rows();

}  // namespace izvod::bind
