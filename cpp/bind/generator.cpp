#include "bind/generator.h"

#include "ops/random.h"

namespace izvod::bind {

PyTypeObject* generator_type;

namespace {

// The default generator's object does not own it.
struct GeneratorObject {
  PyObject_HEAD Generator* generator;
  bool owned;
};
Generator& of(PyObject* self) { return *generator_of(self); }

PyObject* make_generator(PyTypeObject* type) {
  const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  Object self = checked(allocate(type, 0));
  auto* o = reinterpret_cast<GeneratorObject*>(self.get());
  o->generator = new Generator;
  o->owned = true;
  return self.release();
}

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static const char* const names[] = {"device", nullptr};
    PyObject* device = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:Generator", const_cast<char**>(names),
                                     &device))
      return nullptr;
    check_device(device);
    return make_generator(type);
  });
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* o = reinterpret_cast<GeneratorObject*>(self);
  if (o->owned) delete o->generator;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

// An int in [-2^63, 2^64), negative ones as their two's complement.
uint64_t seed_from(PyObject* o) {
  check(PyLong_Check(o) && !PyBool_Check(o), "manual_seed expected a long, but got ", type_name(o));
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (!overflow) return uint64_t(value);
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(o) : 0;
  const bool failed = overflow < 0 || PyErr_Occurred();
  PyErr_Clear();
  check<ValueError>(!failed, "Overflow when unpacking long long");
  return large;
}

PyObject* itself(PyObject* self) {
  Py_INCREF(self);
  return self;
}
PyObject* manual_seed(PyObject* self, PyObject* seed) {
  return guarded([&] {
    of(self).manual_seed(seed_from(seed));
    return itself(self);
  });
}
PyObject* seed(PyObject* self, PyObject*) {
  return guarded([&] { return PyLong_FromUnsignedLongLong(of(self).seed()); });
}
PyObject* initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(of(self).initial_seed());
}
PyObject* get_state(PyObject* self, PyObject*) {
  return guarded([&] { return to_python(izvod::get_state(of(self))); });
}
PyObject* set_state(PyObject* self, PyObject* state) {
  return guarded([&] {
    check<TypeError>(is_tensor(state), "expected a torch.ByteTensor, but got ", type_name(state));
    izvod::set_state(of(self), tensor_of(state));
    return itself(self);
  });
}
PyObject* clone_state(PyObject* self, PyObject*) {
  return guarded([&] {
    Object copy = checked(make_generator(generator_type));
    izvod::set_state(of(copy.get()), izvod::get_state(of(self)));
    return copy.release();
  });
}
// Copying and pickling take the state along, as bytes.
PyObject* reduce(PyObject* self, PyObject*) {
  return guarded([&] {
    uint8_t state[Generator::state_bytes];
    of(self).get_state(state);
    return Py_BuildValue("O()y#", generator_type, reinterpret_cast<const char*>(state),
                         Py_ssize_t(sizeof state));
  });
}
PyObject* set_bytes(PyObject* self, PyObject* state) {
  return guarded([&]() -> PyObject* {
    char* data;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(state, &data, &n) < 0) throw PythonError{};
    of(self).set_state({reinterpret_cast<const uint8_t*>(data), size_t(n)});
    Py_RETURN_NONE;
  });
}
PyObject* get_device(PyObject*, void*) { return itself(cpu_device()); }

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O,
     "manual_seed(seed) -> Generator\n\nSeeds with an int in [-2**63, 2**64) and forgets the kept "
     "normal. Returns itself."},
    {"seed", seed, METH_NOARGS,
     "seed() -> int\n\nSeeds from the system's entropy and returns that seed."},
    {"initial_seed", initial_seed, METH_NOARGS,
     "initial_seed() -> int\n\nThe seed that the present stream began with."},
    {"get_state", get_state, METH_NOARGS,
     "get_state() -> Tensor\n\nThe state: 5056 bytes, in torch's layout."},
    {"set_state", set_state, METH_O,
     "set_state(state)\n\nGoes on from a state that get_state gave. RuntimeError for one of "
     "another size or that cannot be."},
    {"clone_state", clone_state, METH_NOARGS,
     "clone_state() -> Generator\n\nAnother generator in the same state."},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__setstate__", set_bytes, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef getset[] = {{"device", get_device, nullptr, "The CPU.", nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

constexpr const char* doc =
    "Generator(device='cpu')\n\nA Mersenne Twister (MT19937) with a state of its own, for the "
    "argument generator= of functions that "
    "draw.\nIts stream for a seed is that of torch on a CPU.";

}  // namespace

bool is_generator(PyObject* o) { return PyObject_TypeCheck(o, generator_type); }
Generator* generator_of(PyObject* o) { return reinterpret_cast<GeneratorObject*>(o)->generator; }

void add_generator_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(generator_new)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {0, nullptr}};
  PyType_Spec spec{"izvod._C.Generator", sizeof(GeneratorObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  generator_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)).release());
  PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(generator_type));
  const Object shared = checked(make_generator(generator_type));
  auto* o = reinterpret_cast<GeneratorObject*>(shared.get());
  delete o->generator;
  o->generator = &default_generator();
  o->owned = false;
  PyModule_AddObjectRef(module, "default_generator", shared.get());
}

}  // namespace izvod::bind
