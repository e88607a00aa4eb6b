#pragma once
// From C++ functions to Python functions and methods:
//
//     def<"softmax">("input, dim, dtype=None", softmax);
//
// gives torch.softmax and Tensor.softmax. The text names the arguments and their defaults (None,
// True, False, numbers, 'strings'); '*' makes the following ones keyword-only, '*name' takes the
// remaining positional ones as one list. The types are the C++ function's. Overloads are tried in
// order.
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
  bool keyword_only = false;
};

inline constexpr int max_parameters = 20;

// Why an overload does not fit; worded only if no other one does.
struct Mismatch {
  enum Kind { None, TooMany, Missing, Unknown, Twice, WrongType } kind = None;
  int parameter = 0;
  PyObject* object = nullptr;
  const char* expected = nullptr;
};

// The arguments of one call, each at the place of its parameter. What a variadic parameter takes
// stays where the caller has it; its place is empty then.
struct Values {
  PyObject* at[max_parameters];
  PyObject* const* rest;
  Py_ssize_t rest_count;
  Object packed;  // the rest as a tuple, for those who need an object

  void take_rest(int place, PyObject* const* items, Py_ssize_t n) {
    at[place] = nullptr;
    rest = items;
    rest_count = n;
  }
  PyObject* pack();
};

struct Overload {
  using Call = PyObject* (*)(Values& values, Mismatch& mismatch, void* function);
  std::vector<Parameter> parameters;
  std::vector<PyObject*> defaults;  // null: required
  int positional = 0;               // how many may be given by position
  int variadic = -1;                // which one takes all that remain
  Call call = nullptr;
  void* function = nullptr;
  std::string text;
};

struct Function {
  const char* name;
  std::vector<Overload> overloads;
};

Overload make_overload(const char* parameters, Overload::Call call, void* function);
// Calls the first overload that fits; `self`, if given, comes before the arguments.
PyObject* dispatch(const Function& f, PyObject* self, PyObject* const* args, Py_ssize_t n,
                   PyObject* keywords);
// The same for a method whose one overload takes nothing but `self`.
PyObject* dispatch_self(const Function& f, PyObject* self);

namespace detail {

// Arg has no empty state, so it is kept as a number until it is read.
struct ArgStorage {
  Arg arg{Scalar()};
};
template <class T> struct Storage {
  using type = std::decay_t<T>;
};
template <> struct Storage<const Arg&> {
  using type = ArgStorage;
};
// The caller holds the object.
template <>
struct Storage<const Tensor&> {
  using type = const Tensor*;
};
template <class T> T& unwrap(T& x) { return x; }
inline Arg& unwrap(ArgStorage& x) { return x.arg; }
inline const Tensor& unwrap(const Tensor* x) { return *x; }

template <class T>
bool read(PyObject* o, T& x) {
  return Convert<T>::from(o, x);
}
inline bool read(PyObject* o, ArgStorage& x) { return Convert<Arg>::from(o, x.arg); }
inline bool read(PyObject* o, const Tensor*& x) {
  if (!is_tensor(o)) return false;
  x = &tensor_of(o);
  return true;
}

template <size_t i, class T>
bool convert(Values& values, T& x, Mismatch& mismatch) {
  using Value = std::remove_cvref_t<decltype(unwrap(x))>;
  if constexpr (std::is_same_v<Value, Dims>)
    if (!values.at[i] && dims_from(values.rest, values.rest_count, x)) return true;
  PyObject* o = values.at[i] ? values.at[i] : values.pack();
  if (read(o, x)) return true;
  mismatch = {Mismatch::WrongType, int(i), o, Convert<Value>::name};
  return false;
}

template <class F> struct Signature;
template <class R, class... As>
struct Signature<R (*)(As...)> {
  static PyObject* entry(Values& values, Mismatch& mismatch, void* function) {
    return call(values, mismatch, reinterpret_cast<R (*)(As...)>(function),
                std::index_sequence_for<As...>{});
  }
  template <size_t... i>
  static PyObject* call(Values& values, Mismatch& mismatch, R (*f)(As...),
                        std::index_sequence<i...>) {
    std::tuple<typename Storage<As>::type...> held;
    if (!(convert<i>(values, std::get<i>(held), mismatch) && ...)) return nullptr;
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
  return make_overload(parameters, detail::Signature<decltype(p)>::entry,
                       reinterpret_cast<void*>(p));
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
void add_method(const char* name, PyCFunction entry);  // without arguments

template <FixedName name, Where where>
struct Entry {
  static inline Function function;
  static PyObject* plain(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    return guarded([&] { return dispatch(function, nullptr, args, n, keywords); });
  }
  static PyObject* method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    return guarded([&] { return dispatch(function, self, args, n, keywords); });
  }
  static PyObject* self_only(PyObject* self, PyObject*) {
    return guarded([&] { return dispatch_self(function, self); });
  }
};

// One row: a name, where it is found, how it may be called.
template <FixedName name, Where where = InBoth>
void def(std::initializer_list<Overload> overloads) {
  using E = Entry<name, where>;
  E::function = {name.text, overloads};
  if constexpr (where & InModule) add_entry(InModule, name.text, E::plain);
  if constexpr (where & InTensor) {
    const std::vector<Overload>& all = E::function.overloads;
    if (all.size() == 1 && all[0].parameters.size() == 1 && all[0].variadic < 0)
      add_method(name.text, E::self_only);
    else
      add_entry(InTensor, name.text, E::method);
  }
  if constexpr (where & InNN) add_entry(InNN, name.text, E::plain);
}
template <FixedName name, Where where = InBoth, class F>
void def(const char* parameters, F f) {
  def<name, where>({overload(parameters, f)});
}

// Where the rows of one family are: each file bind/rows_*.cpp defines one of these.
void add_rows();

}  // namespace izvod::bind
