#pragma once
/// What the process asks of its heap beside memory.

#include <cstddef>  // Tells whose C library it is.

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace lowart {

/// Gives the heap's free pages back to the system. Takes the heap's locks for about a millisecond: for when little is
/// to do.
/// Does nothing where the C library is not glibc.
inline void trim_heap() noexcept {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace lowart
