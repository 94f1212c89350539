#pragma once
/// How the library is built: header-only, or its network bodies compiled once (see src.hpp).

#if defined(LOWART_SEPARATE_COMPILATION)
#define LOWART_DECL
#else
#define LOWART_DECL inline
#define LOWART_HEADER_ONLY 1
#endif
