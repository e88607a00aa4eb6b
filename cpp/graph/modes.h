#pragma once
#include <string>

#include "base/thread_local.h"

namespace izvod {

class SavedTensorHooks;

// Modes of the calling thread.
struct Modes {
  bool grad = true;
  bool inference = false;
  bool partial_pass = false;  // a backward pass runs that asks for some gradients only
  SavedTensorHooks* saved_hooks = nullptr;  // see graph/saved.h
};
extern constinit thread_local Modes thread_modes IZVOD_FAST_THREAD_LOCAL;
inline Modes& modes() { return thread_modes; }
// Nothing is recorded in inference mode, whatever the other mode says.
inline bool grad_enabled() { return thread_modes.grad && !thread_modes.inference; }

struct GradMode {
  explicit GradMode(bool on) : previous(modes().grad) { modes().grad = on; }
  ~GradMode() { modes().grad = previous; }
  GradMode(const GradMode&) = delete;
  bool previous;
};

// Looking for anomalies is a mode of the whole process.
struct Anomaly {
  bool on = false;
  bool check_nan = true;
  // Where the user's program stands, as text; set by bind/.
  std::string (*trace_source)() = nullptr;
  // Told, while an error is on its way, in which node it arose and where that was made (empty: not
  // known).
  void (*report)(const char* node, const std::string& trace) = nullptr;
};
inline Anomaly anomaly;

}  // namespace izvod
