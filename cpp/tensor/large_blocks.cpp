#include "tensor/large_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/huge_pages.h"

namespace izvod {
namespace {

// A program that imports the library and computes little shall not pay for whole huge pages.
constexpr size_t begins_on_small_pages = 2 * huge_page;

char* rounded_down(char* p) { return p - uintptr_t(p) % huge_page; }
char* rounded_up(char* p) { return rounded_down(p + huge_page - 1); }

size_t whole_pages(size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

char* map_pages(char* where, size_t bytes, int flags) {
  void* p = mmap(where, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

// The pages at `from` take the place of those at `to`; how many bytes of them did. A huge page at a
// time: the kernel moves nothing that crosses the border of two of its areas, and joins what it
// can.
size_t move_pages([[maybe_unused]] char* from, [[maybe_unused]] char* to,
                  [[maybe_unused]] size_t bytes) {
  size_t done = 0;
#ifdef MREMAP_FIXED
  constexpr int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  while (done < bytes && mremap(from + done, huge_page, huge_page, flags, to + done) != MAP_FAILED)
    done += huge_page;
#endif
  return done;
}

}  // namespace

void* LargeBlocks::take(size_t bytes) {
  const auto fit = by_length_.lower_bound({bytes, nullptr});
  if (fit == by_length_.end()) return nullptr;
  const auto [length, data] = *fit;
  erase(data, length);
  if (length > bytes) insert(data, length - bytes);
  return data + (length - bytes);
}

void LargeBlocks::give(void* block, size_t bytes) {
  char* data = static_cast<char*>(block);
  const auto next = free_.lower_bound(data);
  const auto last = next == free_.begin() ? free_.end() : std::prev(next);
  char *const end = data + bytes, *const begin = data;
  if (next != free_.end() && next->first == end) {
    bytes += next->second;
    erase(next->first, next->second);
  }
  if (last != free_.end() && last->first + last->second == begin) {
    data = last->first;
    bytes += last->second;
    erase(last->first, last->second);
  }
  insert(data, bytes);
}

bool LargeBlocks::grow(size_t bytes) {
  bytes = whole_pages(bytes);
  char* const data = map(bytes);
  if (!data) return false;
  size_t filled = 0;
  bool whole = true;
  withdraw(bytes, [&](char* idle, size_t n) {
    const size_t done = move_pages(idle, data + filled, n);
    if (done < n) {  // fresh pages do as well, and nothing is lost but time
      munmap(idle + done, n - done);
      whole = whole && map_pages(data + filled + done, n - done, MAP_FIXED);
      ++requests_;
    }
    moved_ += done;
    filled += n;
  });
  if (whole) {
    if (filled < bytes) ++requests_;
    give(data, bytes);
  } else {
    munmap(data, bytes);
    mapped_ -= bytes;
  }
  return whole;
}

void LargeBlocks::shrink(size_t bytes) {
  withdraw(whole_pages(bytes), [](char* idle, size_t n) { munmap(idle, n); });
}

void LargeBlocks::insert(char* data, size_t bytes) {
  free_.emplace(data, bytes);
  by_length_.emplace(bytes, data);
  idle_ += bytes;
}

void LargeBlocks::erase(char* data, size_t bytes) {
  free_.erase(data);
  by_length_.erase({bytes, data});
  idle_ -= bytes;
}

// Takes whole huge pages out of the free ranges, the longest first, until `bytes` are together or
// none is left. `use(data, n)` sees to it that they are no longer mapped there.
template <class Use>
void LargeBlocks::withdraw(size_t bytes, Use use) {
  for (auto longest = by_length_.end(); bytes && longest != by_length_.begin();) {
    const auto [length, data] = *--longest;
    if (length < huge_page) return;
    char* const from = rounded_up(data);
    char* const to = std::min(rounded_down(data + length), from + std::min(bytes, length));
    if (from >= to) continue;
    ++longest;  // what is left of the range is shorter than a huge page, or there is enough
    erase(data, length);
    if (data < from) insert(data, size_t(from - data));
    if (to < data + length) insert(to, size_t(data + length - to));
    use(from, size_t(to - from));
    mapped_ -= size_t(to - from);
    bytes -= size_t(to - from);
  }
}

// Fresh memory of whole huge pages. The first try fits wherever the last mapping did.
char* LargeBlocks::map(size_t bytes) {
  char* p = map_pages(nullptr, bytes, 0);
  if (p && p != rounded_down(p)) {
    munmap(p, bytes);
    p = map_pages(nullptr, bytes + huge_page, 0);
    if (!p) return nullptr;
    char* const aligned = rounded_down(p + huge_page);
    if (aligned != p) munmap(p, size_t(aligned - p));
    if (aligned != p + huge_page) munmap(aligned + bytes, size_t(p + huge_page - aligned));
    p = aligned;
  }
  if (!p) return nullptr;
  if (mapped_ + bytes > begins_on_small_pages) ask_for_huge_pages(p, bytes);
  mapped_ += bytes;
  return p;
}

}  // namespace izvod
