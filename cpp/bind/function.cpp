#include "bind/function.h"

#include "bind/module.h"

namespace izvod::bind {
namespace {

std::string trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return std::string(s);
}

PyObject* literal(const std::string& s) {
  if (s == "None") return Py_None;
  if (s == "True") return Py_True;
  if (s == "False") return Py_False;
  if (s.front() == '\'')
    return checked(PyUnicode_FromStringAndSize(s.data() + 1, Py_ssize_t(s.size()) - 2)).release();
  if (s == "()") return checked(PyTuple_New(0)).release();
  if (s.find_first_of(".einf") != std::string::npos)
    return checked(PyFloat_FromDouble(std::stod(s))).release();
  return checked(PyLong_FromLongLong(std::stoll(s))).release();
}

// Gives a parameter the value of a keyword. Those before `next` have got theirs by position.
bool place_keyword(const Overload& o, PyObject* key, PyObject* value, int next, Values& values,
                   Mismatch& mismatch) {
  const int count = int(o.parameters.size());
  int at = 0;
  while (at < count && o.parameters[size_t(at)].interned != key) ++at;
  if (at == count)  // not the interned string: compare the text
    for (at = 0;
         at < count && PyUnicode_CompareWithASCIIString(key, o.parameters[size_t(at)].name.c_str());
         ++at) {
    }
  if (at == count || at < next || values.at[at]) {
    mismatch = {at == count ? Mismatch::Unknown : Mismatch::Twice, at, key, nullptr};
    return false;
  }
  values.at[at] = value;
  return true;
}

// Puts the arguments into the places of the parameters, in order; nothing is converted yet.
bool place(const Overload& o, PyObject* self, PyObject* const* args, Py_ssize_t n,
           PyObject* keywords, Values& values, Mismatch& mismatch) {
  const int count = int(o.defaults.size());
  int next = 0;
  if (self) values.at[next++] = self;
  Py_ssize_t i = 0;
  for (; i < n && next < o.positional; ++i, ++next) {
    const bool is_the_list = i + 1 == n && (PyTuple_Check(args[i]) || PyList_Check(args[i]));
    if (next == o.variadic && !is_the_list) {  // x.view(2, 3), which is x.view((2, 3))
      values.take_rest(next++, args + i, n - i);
      i = n;
      break;
    }
    values.at[next] = args[i];
  }
  if (i < n) {
    mismatch = {Mismatch::TooMany, int(n), nullptr, nullptr};
    return false;
  }
  if (keywords) {
    std::fill(values.at + next, values.at + count, nullptr);
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(keywords); ++k)
      if (!place_keyword(o, PyTuple_GET_ITEM(keywords, k), args[n + k], next, values, mismatch))
        return false;
  }
  for (int k = next; k < count; ++k) {
    if (keywords && values.at[k]) continue;
    values.at[k] = o.defaults[size_t(k)];
    if (!values.at[k]) {
      mismatch = {Mismatch::Missing, k, nullptr, nullptr};
      return false;
    }
  }
  return true;
}

std::string describe(const char* name, const Overload& o, const Mismatch& m, Py_ssize_t given,
                     bool method) {
  const auto parameter = [&] { return o.parameters[size_t(m.parameter)].name; };
  switch (m.kind) {
    case Mismatch::TooMany: {
      const auto positional = std::count_if(o.parameters.begin(), o.parameters.end(),
                                            [](const Parameter& p) { return !p.keyword_only; });
      return text(name, "() takes ", positional - method, " positional argument",
                  positional - method == 1 ? "" : "s", " but ", given,
                  given == 1 ? " was given" : " were given");
    }
    case Mismatch::Missing:
      return text(name, "() missing 1 required positional arguments: \"", parameter(), "\"");
    case Mismatch::Unknown:
      return text(name, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(m.object), "'");
    case Mismatch::Twice:
      return text(name, "() got multiple values for argument '", parameter(), "'");
    default: {
      const bool named = o.parameters[size_t(m.parameter)].keyword_only;
      const std::string position = named ? "" : text(" (position ", m.parameter + 1 - method, ")");
      return text(name, "(): argument '", parameter(), "'", position, " must be ", m.expected,
                  ", not ", type_name(m.object));
    }
  }
}

std::string invalid_combination(const Function& f, PyObject* self, PyObject* const* args,
                                Py_ssize_t n, PyObject* keywords) {
  std::string s = text(f.name, "() received an invalid combination of arguments - got (");
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < n + named; ++i) {
    if (i) s += ", ";
    if (i >= n) s += text(PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, i - n)), "=");
    s += type_name(args[i]);
  }
  s += "), but expected one of:\n";
  for (const Overload& o : f.overloads) s += text(" * (", o.text, ")\n");
  (void)self;
  return s;
}

}  // namespace

PyObject* Values::pack() {
  packed = checked(PyTuple_New(rest_count));
  for (Py_ssize_t k = 0; k < rest_count; ++k)
    PyTuple_SET_ITEM(packed.get(), k, Object::share(rest[k]).release());
  return packed.get();
}

Overload make_overload(const char* parameters, Overload::Call call, void* function) {
  Overload o;
  o.call = call;
  o.function = function;
  o.text = parameters;
  bool keyword_only = false;
  std::string_view rest = parameters;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string item = trimmed(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (item == "*") {
      keyword_only = true;
      continue;
    }
    Parameter p;
    p.keyword_only = keyword_only;
    const size_t equals = item.find('=');
    p.name = trimmed(std::string_view(item).substr(0, equals));
    if (p.name[0] == '*') {
      o.variadic = int(o.parameters.size());
      p.name.erase(0, 1);
    }
    p.interned = checked(PyUnicode_InternFromString(p.name.c_str())).release();
    o.defaults.push_back(equals == std::string::npos
                             ? nullptr
                             : literal(trimmed(std::string_view(item).substr(equals + 1))));
    o.positional += !keyword_only;
    o.parameters.push_back(std::move(p));
  }
  if (o.parameters.size() > size_t(max_parameters))
    throw TypeError(text("too many parameters: ", parameters));
  return o;
}

PyObject* dispatch(const Function& f, PyObject* self, PyObject* const* args, Py_ssize_t n,
                   PyObject* keywords) {
  Values values;
  Mismatch mismatch;
  for (const Overload& o : f.overloads) {
    mismatch = {};
    if (!place(o, self, args, n, keywords, values, mismatch)) continue;
    PyObject* result = o.call(values, mismatch, o.function);
    if (result) return result;
    if (mismatch.kind == Mismatch::None) throw PythonError{};
  }
  if (f.overloads.size() == 1)
    throw TypeError(describe(f.name, f.overloads[0], mismatch, n, self != nullptr));
  throw TypeError(invalid_combination(f, self, args, n, keywords));
}

PyObject* dispatch_self(const Function& f, PyObject* self) {
  Values values;
  Mismatch mismatch;
  values.at[0] = self;
  PyObject* result = f.overloads[0].call(values, mismatch, f.overloads[0].function);
  if (!result) throw PythonError{};  // self is a tensor: it is never of the wrong type
  return result;
}

namespace {

// Descriptors keep a pointer to the definition: it lives as long as the module.
template <class F>
PyMethodDef* definition(const char* name, F* entry, int flags) {
  return new PyMethodDef{name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry)),
                         flags, nullptr};
}

void add_to(PyObject* home, const char* name, const Object& callable) {
  if (PyObject_SetAttrString(home, name, callable.get()) < 0) throw PythonError{};
}
void add_to_tensor(PyMethodDef* def) {
  add_to(reinterpret_cast<PyObject*>(tensor_type), def->ml_name,
         checked(PyDescr_NewMethod(tensor_type, def)));
}

}  // namespace

void add_entry(Where where, const char* name, FastFunction entry) {
  PyMethodDef* def = definition(name, entry, METH_FASTCALL | METH_KEYWORDS);
  if (where == InTensor) return add_to_tensor(def);
  add_to(where == InNN ? nn_module() : main_module(), name, checked(PyCFunction_New(def, nullptr)));
}
void add_method(const char* name, PyCFunction entry) {
  add_to_tensor(definition(name, entry, METH_NOARGS));
}

}  // namespace izvod::bind
