# Compile through ccache where it is installed.
# - Precompiled headers are cached only with this sloppiness and without the time stamp that clang puts into them.
# - Depend mode asks the compiler which headers it read instead of running the preprocessor first. The token tables
#   are read by the assembler, so they are named here.
find_program(LOWART_CCACHE ccache)
mark_as_advanced(LOWART_CCACHE)
if(LOWART_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(tables ${PROJECT_SOURCE_DIR}/include/lowart/meter/encoding_data.hpp)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_DEPEND=1
      CCACHE_EXTRAFILES=${tables}.cl100k_base.lwtk:${tables}.o200k_base.lwtk ${LOWART_CCACHE})
  # For targets with a precompiled header.
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    set(LOWART_PCH_OPTIONS "SHELL:-Xclang -fno-pch-timestamp")
  else()
    set(LOWART_PCH_OPTIONS -fpch-preprocess)
  endif()
endif()
