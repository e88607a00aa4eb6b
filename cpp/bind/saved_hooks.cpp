#include "bind/saved_hooks.h"

#include "bind/arguments.h"
#include "graph/saved.h"

namespace izvod::bind {
namespace {

struct PythonPacked final : Packed {
  PythonPacked(Object unpack_function, Object value)
      : unpack_function(std::move(unpack_function)), value(std::move(value)) {}
  Tensor unpack() override {
    const Object x = checked(PyObject_CallOneArg(unpack_function.get(), value.get()));
    check<TypeError>(
        is_tensor(x.get()),
        "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
        type_name(x.get()));
    return tensor_of(x.get());
  }
  Object unpack_function, value;
};

struct PythonHooks final : SavedTensorHooks {
  PythonHooks(PyObject* pack, PyObject* unpack, SavedTensorHooks* outer)
      : pack_function(Object::share(pack)), unpack_function(Object::share(unpack)), outer(outer) {}
  Ref<Packed> pack(const Tensor& x) override {
    const Object argument = Object::own(wrap(x));
    return Ref<Packed>(new PythonPacked(
        unpack_function, checked(PyObject_CallOneArg(pack_function.get(), argument.get()))));
  }
  Object pack_function, unpack_function;
  SavedTensorHooks* outer;
};

}  // namespace

void push_saved_hooks(PyObject* pack, PyObject* unpack) {
  modes().saved_hooks = new PythonHooks(pack, unpack, modes().saved_hooks);
}

void pop_saved_hooks() {
  auto* innermost = static_cast<PythonHooks*>(modes().saved_hooks);
  check(innermost != nullptr, "there are no saved tensor hooks to take away");
  modes().saved_hooks = innermost->outer;
  delete innermost;
}

}  // namespace izvod::bind
